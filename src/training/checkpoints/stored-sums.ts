/** What a checkpoint holds beside its vectors and its configuration: counts and sums that the training goes on with. */
import { parseWindow } from "../loss-window.ts";
import type { Snapshot } from "../train-state.ts";
import type { Json } from "./stored-config.ts";

/** The parts of a state that are kept so. */
export type Sums = Pick<Snapshot, "window" | "goneBack">;

/** The configuration as a file keeps it, with the sums of the state. */
export const withSums = (config: unknown, { window, goneBack }: Sums): unknown =>
  window || goneBack ? { ...(config as Json), ...(window && { window }), ...(goneBack && { goneBack }) } : config;

/** Takes the sums out of the configuration in a checkpoint of a step. */
export function takeSums(
  { window: sums, goneBack: count, ...config }: Json,
  step: number,
): { config: Json; sums: Sums } {
  // prettier-ignore
  const window = parseWindow(sums, step);
  const goneBack = Number.isSafeInteger(count) && (count as number) > 0 && { goneBack: count as number };
  return { config, sums: { ...(window && { window }), ...goneBack } };
}
