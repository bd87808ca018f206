/** Settings in which runs differ. */
import { configRows } from "./config-rows.ts";

export interface Settings {
  /** Dotted names of the settings that are not the same in all runs, in the order of the configurations. */
  readonly names: readonly string[];
  /** Values by run, then by name, as JSON. */
  readonly values: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** Compares the configurations of runs; undefined ones are not known and are left out. */
export function differing(configs: ReadonlyMap<string, unknown>): Settings {
  const values = new Map<string, ReadonlyMap<string, string>>();
  for (const [run, config] of configs) {
    if (config !== undefined) values.set(run, new Map(configRows(config).map(({ name, value }) => [name, value])));
  }
  const names = [...new Set([...values.values()].flatMap((settings) => [...settings.keys()]))];
  const all = [...values.values()];
  return { names: names.filter((name) => new Set(all.map((settings) => settings.get(name))).size > 1), values };
}

/** Last parts of names where one is enough to tell them apart, else the whole names. */
export function shortNames(names: readonly string[]): string[] {
  const last = (name: string) => name.slice(name.lastIndexOf(".") + 1);
  return names.map((name) => (names.filter((other) => last(other) === last(name)).length > 1 ? name : last(name)));
}
