/** Answers of a collector that took a part of the metrics only. */
import { diag, DiagLogLevel, type DiagLogger } from "@opentelemetry/api";

/** The start of what the SDK logs for such an answer; it has no other way of telling. */
const LOGGED = "Received Partial Success";

interface PartialSuccess {
  readonly rejectedDataPoints?: string | number;
  readonly errorMessage?: string;
}

const quiet = () => {};

/**
 * Calls back for each such answer; it becomes the logger of OpenTelemetry in this thread.
 *
 * @param onPart Told the points that were rejected, and why.
 */
export function onPartialSuccess(onPart: (rejected: number, why: string) => void): void {
  const logger: DiagLogger = {
    ...{ error: quiet, info: quiet, debug: quiet, verbose: quiet },
    warn(text, json) {
      if (!text.startsWith(LOGGED)) return;
      const { rejectedDataPoints = 0, errorMessage = "" } = JSON.parse(String(json)) as PartialSuccess;
      onPart(Number(rejectedDataPoints), errorMessage);
    },
  };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}
