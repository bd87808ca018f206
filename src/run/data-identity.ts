/** Identifies the data of a run: the images of its training, by their digest and not by their folder. */
import { UsageError } from "../base/errors.ts";
import type { Json } from "../training/checkpoints/stored-config.ts";
import { writeStoredConfig } from "./config-file.ts";
import type { RunContext, RunEvent, StoredConfig } from "./pipeline.ts";

/** Digests of the data of each split, hexadecimal. */
export interface DataDigests {
  readonly train: string;
  readonly test: string;
}

const short = (digest: string) => digest.slice(0, 12);

/** "data digest 0123456789ab there, ba9876543210 here (data.path data/photos)" */
export function dataDifference({ config }: Pick<RunContext, "config">, there: string, here: string): string {
  const from = config.data.path === undefined ? "" : ` (data.path ${config.data.path})`;
  return `data digest ${short(there)} there, ${short(here)} here${from}`;
}

/** Refuses a change of the data. */
export const otherData = (what: string, difference: string) =>
  new UsageError(
    `${what} was trained on other data: ${difference}`,
    "use the data it was trained on, or another --workdir; --allow data continues with these data",
  );

/**
 * Binds the training of a workdir to its data: `config.json` has their digest from then on. Evaluating and sampling on
 * others is told.
 *
 * @param here Digest of the data of the training.
 * @param loaded Configuration of the run's checkpoint that is gone on from, and the steps behind it.
 * @throws UsageError when training would go on with other data, unless `--allow data` is given. `config.json` is then
 * what it was before.
 */
export function bindData(context: RunContext, here: string, loaded: Json, step = 0): RunEvent[] {
  const { name: pipeline, mode, preset, config, workdir, before, allow = [] } = context;
  const events: RunEvent[] = [{ type: "result", values: { dataDigest: here } }];
  const say = (text: string) => events.push({ type: "message", text });
  const stored = loaded["dataDigest"] ?? before?.dataDigest;
  const there = typeof stored === "string" ? stored : undefined;
  const changed = there !== undefined && there !== here;
  const difference = changed ? dataDifference(context, there, here) : "";
  if (mode !== "train") {
    const then = mode === "sample" ? "" : "; its images may be among those evaluated";
    if (changed) say(`note: these are not the data of the training, ${difference}${then}`);
    return events;
  }
  if (changed && !allow.includes("data")) {
    if (before) writeStoredConfig(workdir, before);
    throw otherData(`workdir ${workdir}`, difference);
  }
  // Of a change at this step or a later one nothing is left: its run was killed before it saved a state.
  const dataChanges = (before?.dataChanges ?? []).filter((change) => change.step < step);
  if (changed) {
    say(`note: training continues with other data from step ${step} on, as --allow data says: ${difference}`);
    dataChanges.push({ step, before: there, after: here });
  }
  const bound: StoredConfig = {
    ...{ pipeline, preset, dataDigest: here, ...(dataChanges.length > 0 && { dataChanges }) },
    ...config,
  };
  writeStoredConfig(workdir, bound);
  return events;
}
