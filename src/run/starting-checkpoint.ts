/** Chooses the checkpoint that a run begins with. */
import type { ScoreNetwork } from "../models/score-network.ts";
import { namedCheckpoint } from "../training/checkpoints/best-checkpoint.ts";
import { readAnyCheckpoint } from "../training/checkpoints/checkpoint-formats.ts";
import type { CheckpointStore, LoadedCheckpoint } from "../training/checkpoints/checkpoint-store.ts";
import type { RunContext } from "./pipeline.ts";

/** The state to go on from; training prefers its own checkpoints to the one it was started from. */
export function startingCheckpoint(
  { config, mode, workdir }: RunContext,
  network: ScoreNetwork,
  store: CheckpointStore,
  say: (text: string) => void,
): LoadedCheckpoint | undefined {
  const given = (name: string): LoadedCheckpoint => {
    const path = namedCheckpoint(workdir, name);
    return { path, snapshot: readAnyCheckpoint(path, network.layout) };
  };
  if (config.checkpoint !== undefined && mode !== "train") return given(config.checkpoint);
  const own = store.load((damage) => say(`warning: ${damage}: using the previous one`));
  return own ?? (config.checkpoint === undefined ? undefined : given(config.checkpoint));
}
