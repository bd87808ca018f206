/** `config.json` of a workdir: the settings its checkpoint was trained with. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../base/errors.ts";
import { replaceFile } from "../base/temporary.ts";
import { sealJson, unsealJson } from "../base/sealed-json.ts";
import { fields, type Field } from "./config-fields.ts";
import { baseConfig } from "./defaults.ts";
import type { Config, DeepPartial } from "./config.ts";
import { namingFile } from "../base/naming-file.ts";
import type { Mode, StoredConfig } from "./pipeline.ts";
import { treeOf, valueAt } from "./resolve-config.ts";

export type { StoredConfig } from "./pipeline.ts";

const pathOf = (workdir: string) => join(workdir, "config.json");

/** The configuration of `workdir`; undefined when there is none. @throws UsageError when it is damaged. */
export function readStoredConfig(workdir: string): StoredConfig | undefined {
  const path = pathOf(workdir);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new UsageError(`${path} cannot be read: ${message}`, "use another --workdir", { cause: error });
  }
  try {
    const found = JSON.parse(text) as unknown;
    if (typeof valueAt(found, "pipeline") !== "string") throw new SyntaxError("it names no pipeline");
    const { value, whole } = unsealJson(found as Readonly<Record<string, unknown>>);
    if (whole === false) throw new SyntaxError("its content does not match its hash");
    return value as StoredConfig;
  } catch (error) {
    throw new UsageError(
      `${path} is damaged: ${(error as Error).message}`,
      "remove it to use the settings of its checkpoint; without a checkpoint, give the same settings again",
      { cause: error },
    );
  }
}

/** Writes `config.json`: either the old or the new one is there, whatever happens. */
export function writeStoredConfig(workdir: string, stored: StoredConfig): void {
  const path = pathOf(workdir);
  namingFile(path, () => replaceFile(path, sealJson(stored)));
}

/** Settings that leave the trained parameters as they are. */
const FREE = /^(training\.(steps|checkpointEvery|keepCheckpoints|keepEvery|onDivergence|largestLoss|logEvery|histogramEvery|noiseBins|snapshotEvery|boundImages|snapshotRaw|snapshotNearest)|engine\.(?!precision$).*|exchange\.(engine|deadlineSeconds|mixed|verifyEvery)|eval\..*|dequantizer\..*|quality\..*|sampling\..*|data\.path|checkpoint)$/; // prettier-ignore
/** Settings that an evaluation must share with the training: they make the network, its meaning, and what was held out. */
const NETWORK = /^(sde|training\.continuous|model\.(?!numScales$).*|data\.centered|data\.testFraction)$/;

const common = new Set(fields.map(({ name }) => name));

/** True when two runs in one workdir must agree on a field. A pipeline's own fields must, unless declared free. */
function bound({ name, free }: Field, mode: Mode): boolean {
  if (!common.has(name)) return !free;
  return mode === "train" ? !FREE.test(name) : NETWORK.test(name);
}

/** Names of the fields that all parts of a run must agree on. */
export const boundFields = (mode: Mode, all: readonly Field[] = fields): string[] =>
  all.filter((field) => bound(field, mode)).map(({ name }) => name);

/** A field and its two values, as JSON. */
export interface Difference {
  readonly name: string;
  readonly there: string;
  readonly here: string;
}

/** The fields among `names` in which two configurations differ. `all`: every field, for the defaults. */
export function differences(
  stored: StoredConfig,
  wanted: StoredConfig,
  names: readonly string[],
  all: readonly Field[] = fields,
): Difference[] {
  const defaults = new Map(all.map((field) => [field.name, field.default]));
  return names.flatMap((name) => {
    // This field has no default, and nothing is trained without it.
    if (name === "data.version" && valueAt(stored, name) === undefined) return [];
    // A field that an older version of the program or of the pipeline did not have was at its default.
    const value = (config: StoredConfig) =>
      JSON.stringify(valueAt(config, name) ?? valueAt(baseConfig, name) ?? defaults.get(name)) ?? "unset";
    const [there, here] = [value(stored), value(wanted)];
    // Otherwise it is as the device has it, which may differ between the parts of a run.
    if (name === "engine.precision" && ![there, here].includes('"bfloat16"')) return [];
    return there === here ? [] : [{ name, there, here }];
  });
}

/** A line for each difference, for an error. */
export const differenceLines = (different: readonly Difference[]): string =>
  different.map(({ name, there, here }) => `  ${name}: ${there} there, ${here} asked for`).join("\n");

/** "seed: 42 in the training, 7 here": what an evaluation has otherwise than the training. */
export function changedSettings(stored: StoredConfig, wanted: StoredConfig, all: readonly Field[] = fields): string[] {
  const names = all.filter((field) => bound(field, "train")).map(({ name }) => name);
  return differences(stored, wanted, names, all).map(
    ({ name, there, here }) => `${name}: ${there} in the training, ${here} here`,
  );
}

/** The part of a stored configuration that an evaluation or sampling goes by, unless told otherwise. */
export function storedSettings(stored: StoredConfig, all: readonly Field[] = fields): DeepPartial<Config>[] {
  return all
    .filter((field) => bound(field, "train") || field.name === "data.path")
    .map(({ name }) => treeOf(name, valueAt(stored, name)) as DeepPartial<Config>);
}

/**
 * Refuses a workdir that another configuration was trained in.
 *
 * @throws UsageError with one line for each field that differs.
 */
export function requireSameConfig(
  workdir: string,
  stored: StoredConfig,
  wanted: StoredConfig,
  mode: Mode,
  all: readonly Field[] = fields,
): void {
  const different = differences(stored, wanted, ["pipeline", ...boundFields(mode, all)], all);
  if (different.length === 0) return;
  throw new UsageError(
    `workdir ${workdir} belongs to another configuration:\n${differenceLines(different)}`,
    "use another --workdir, or the same settings",
  );
}
