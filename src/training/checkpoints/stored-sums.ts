/** What a checkpoint holds beside its vectors and its configuration: counts and sums that the training goes on with. */
import { parseWindow } from "../loss-window.ts";
import { parseNoise } from "../noise-window.ts";
import type { Snapshot } from "../train-state.ts";
import type { Json } from "./stored-config.ts";

/** The parts of a state that are kept so. */
export type Sums = Pick<Snapshot, "window" | "noise" | "goneBack">;

/** The configuration as a file keeps it, with the sums of the state. */
export function withSums(config: unknown, { window, noise, goneBack }: Sums): unknown {
  const sums = { ...(window && { window }), ...(noise && { lossByNoise: noise }), ...(goneBack && { goneBack }) };
  return Object.keys(sums).length > 0 ? { ...(config as Json), ...sums } : config;
}

/** Takes the sums out of the configuration in a checkpoint of a step. */
export function takeSums(
  { window: sums, lossByNoise: curves, goneBack: count, ...config }: Json,
  step: number,
): { config: Json; sums: Sums } {
  // prettier-ignore
  const window = parseWindow(sums, step);
  const noise = parseNoise(curves, step);
  const goneBack = Number.isSafeInteger(count) && (count as number) > 0 && { goneBack: count as number };
  return { config, sums: { ...(window && { window }), ...(noise && { noise }), ...goneBack } };
}
