/** Names of metrics where others have rules for names. */
import type { Attributes } from "@opentelemetry/api";

/** Tells names apart that become alike under such rules: the first stands as it is, the others get an attribute. */
export class MetricNames {
  readonly #first = new Map<string, string>();
  readonly #own = new Map<string, string>();
  readonly #taken = new Set<string>();
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

  /** Under the rule a name that no other name gets: with a number, where another became the same before. */
  own(name: string): string {
    const known = this.#own.get(name);
    if (known !== undefined) return known;
    const sign = this.#rule(name);
    let own = sign;
    for (let number = 2; this.#taken.has(own); number++) own = `${sign}_${number}`;
    this.#taken.add(own);
    this.#own.set(name, own);
    return own;
  }
}

/** `train/loss` as OpenTelemetry writes names, in lower case and by dots; it takes 255 characters and no others. */
export const openTelemetryName = (name: string): string =>
  name.toLowerCase().replaceAll("/", ".").replaceAll(/[^\w.-]/g, "_").slice(0, 240); // prettier-ignore

/** A name as MLflow takes it: letters, digits and "_-. /", 250 characters, and no path with parts that say nothing. */
export const mlflowName = (name: string): string =>
  name
    .replaceAll(/[^\p{L}\p{N}_./ -]/gu, "_")
    .slice(0, 240)
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .map((part) => part.replace(/^\.\./, "_."))
    .join("/") || "_";
