import { identity, tap, type MonoTypeOperatorFunction } from "rxjs";
import { valuesOf, type ParameterLayout } from "../models/parameters.ts";
import type { Meter } from "../metrics/meter.ts";
import { histogramOf } from "../metrics/histogram.ts";
import { firstNonFinite } from "../ops/finite.ts";
import type { Gradient } from "./gradient.ts";

/** Options of {@link gradientHistograms}. */
export interface GradientHistogramsOptions {
  readonly meter: Meter;
  /** Steps between histograms; 0: no histograms. */
  readonly every: number;
}

/** Groups the parameters into parts of the network, by the first word of their names. */
function partsOf({ slots }: ParameterLayout): Map<string, ParameterLayout["slots"]> {
  const parts = new Map<string, ParameterLayout["slots"]>();
  for (const slot of slots) {
    const part = slot.name.split("/")[0]!;
    parts.set(part, [...(parts.get(part) ?? []), slot]);
  }
  return parts;
}

/**
 * Reports histograms of the gradient's elements to `meter` at regular steps: `gradients` for all elements, and
 * `gradients/<part>` for each part of the network.
 *
 * Gradients that are not finite pass unchanged; `adam` then ends the run.
 *
 * @example
 * ```ts
 * stepGradients.pipe(gradientHistograms(network.layout, { meter, every: 1000 }));
 * ```
 * @returns The same values.
 * @throws RangeError when `every` is not a whole number.
 */
export function gradientHistograms<K extends "shard" | "step">(
  layout: ParameterLayout,
  { meter, every }: GradientHistogramsOptions,
): MonoTypeOperatorFunction<Gradient<K>> {
  if (!Number.isInteger(every) || every < 0) {
    throw new RangeError(`gradientHistograms: every must be a whole number, got ${every}`);
  }
  if (every === 0) return identity;
  const parts = partsOf(layout);
  return tap(({ batch, values }) => {
    const step = batch.info.step + 1;
    if (step % every !== 0) return;
    const flat = values.dataSync() as Float32Array;
    if (firstNonFinite(flat) >= 0) return;
    const tell = (name: string, slots: ParameterLayout["slots"]) =>
      meter.tellHistogram(name, step, histogramOf(slots.map((slot) => valuesOf(flat, slot))));
    tell("gradients", layout.slots);
    for (const [part, slots] of parts) tell(`gradients/${part}`, slots);
  });
}
