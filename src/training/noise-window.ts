/** Sums of the losses by their noise over the steps since the last log step, kept with the state as those of `loss-window.ts`. */
import type { NoiseSums } from "../metrics/noise-curve.ts";

/** Sums up to a step. */
export interface NoiseWindow {
  /** Optimizer steps behind it. */
  readonly step: number;
  /** Least and largest log-SNR of the bins. */
  readonly range: readonly [number, number];
  /** Of the loss without its weight, and with that of uniform times. */
  readonly curves: readonly NoiseSums[];
}

/**
 * The sums of the last two steps: a step that is taken again finds those before it, and a copy of the state those behind it.
 */
export class NoiseWindows {
  #last: readonly NoiseWindow[] = [];

  constructor(window?: NoiseWindow) {
    if (window) this.#last = [window];
  }

  /** The sums with so many steps behind them; undefined where there are none. */
  at(step: number): NoiseWindow | undefined {
    return this.#last.find((window) => window.step === step);
  }

  add(window: NoiseWindow): void {
    const before = this.#last.filter(({ step }) => step === window.step - 1);
    this.#last = [window, ...before];
  }
}

const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((one) => typeof one === "number" && Number.isFinite(one));

function parseSums(value: unknown): NoiseSums | undefined {
  const { sums, counts } = (value ?? {}) as Partial<Record<keyof NoiseSums, unknown>>;
  return isNumbers(sums) && isNumbers(counts) && sums.length === counts.length ? { sums, counts } : undefined;
}

/** The sums in a checkpoint of a step; undefined where it has none. */
export function parseNoise(value: unknown, step: number): NoiseWindow | undefined {
  const { range, curves } = (value ?? {}) as Partial<Record<keyof NoiseWindow, unknown>>;
  if (!isNumbers(range) || range.length !== 2 || !Array.isArray(curves)) return undefined;
  const parsed = curves.flatMap((curve) => parseSums(curve) ?? []);
  return parsed.length === curves.length ? { step, range: range as [number, number], curves: parsed } : undefined;
}
