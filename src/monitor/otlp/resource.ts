/** Whose metrics they are, for OpenTelemetry. */
import { hostname } from "node:os";
import { detectResources, envDetector, resourceFromAttributes, type Resource } from "@opentelemetry/resources";
import { codeVersion } from "../../base/code-version.ts";

/**
 * The resource of a run. OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES go before what is only a default; what names the run
 * stays.
 */
export function runResource(runId: string, pipeline: string): Resource {
  const defaults = {
    "service.name": "scorestream",
    "service.version": codeVersion(),
    "service.instance.id": runId,
    "host.name": hostname(),
  };
  const own = { "scorestream.run_id": runId, "scorestream.pipeline": pipeline };
  return resourceFromAttributes(defaults)
    .merge(detectResources({ detectors: [envDetector] }))
    .merge(resourceFromAttributes(own));
}
