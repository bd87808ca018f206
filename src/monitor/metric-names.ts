/** Names of metrics where others have rules for names. */
import type { Attributes } from "@opentelemetry/api";

/** Tells names apart that become alike under such rules: the first stands as it is, the others get an attribute. */
export class MetricNames {
  readonly #first = new Map<string, string>();
  readonly #rule: (name: string) => string;

  /** @param rule What becomes of a name. */
  constructor(rule: (name: string) => string) {
    this.#rule = rule;
  }

  /** `metric`, the name itself, where another name became the same before. */
  attributesOf(name: string): Attributes {
    const sign = this.#rule(name);
    const first = this.#first.get(sign);
    if (first === undefined) this.#first.set(sign, name);
    return first === undefined || first === name ? {} : { metric: name };
  }

  /** The name under which all of them stand. */
  shared(name: string): string {
    return this.#first.get(this.#rule(name)) ?? name;
  }
}

/** `train/loss` as OpenTelemetry writes names, in lower case and by dots; it takes 255 characters and no others. */
export const openTelemetryName = (name: string): string =>
  name.toLowerCase().replaceAll("/", ".").replaceAll(/[^\w.-]/g, "_").slice(0, 240); // prettier-ignore
