/** Losses in bins of log-SNR, collected between two log steps. */
import type { HistogramMessage } from "./histogram.ts";

/** A bin that has losses: its middle and their mean. */
export interface NoisePoint {
  readonly logSnr: number;
  readonly mean: number;
}

/** What a curve has summed, a number a bin. */
export interface NoiseSums {
  readonly sums: readonly number[];
  readonly counts: readonly number[];
}

/** Bins of equal width from the least log-SNR to the largest; what lies outside counts for the last one on its side. */
export class NoiseCurve {
  readonly #least: number;
  readonly #width: number;
  readonly #sums: Float64Array;
  readonly #counts: Float64Array;

  /**
   * @param range Least and largest log-SNR.
   * @param before Sums of as many bins to go on from.
   */
  constructor(bins: number, [least, largest]: readonly [number, number], before?: NoiseSums) {
    this.#least = least;
    this.#width = (largest - least) / bins;
    this.#sums = before ? Float64Array.from(before.sums) : new Float64Array(bins);
    this.#counts = before ? Float64Array.from(before.counts) : new Float64Array(bins);
  }

  add(logSnr: number, loss: number): void {
    const last = this.#sums.length - 1;
    const bin = Math.max(0, Math.min(last, Math.floor((logSnr - this.#least) / this.#width)));
    this.#sums[bin]! += loss;
    this.#counts[bin]! += 1;
  }

  /** Adds what another curve of the same bins has summed. */
  addAll({ sums, counts }: NoiseSums): void {
    sums.forEach((sum, bin) => (this.#sums[bin]! += sum));
    counts.forEach((count, bin) => (this.#counts[bin]! += count));
  }

  /** What was summed so far. */
  sums(): NoiseSums {
    return { sums: [...this.#sums], counts: [...this.#counts] };
  }

  /** The bins that have losses. */
  points(): NoisePoint[] {
    return [...this.#sums].flatMap((sum, bin) => {
      const count = this.#counts[bin]!;
      return count === 0 ? [] : [{ logSnr: this.#least + (bin + 0.5) * this.#width, mean: sum / count }];
    });
  }

  /** The curve as TensorBoard draws a distribution: how high a bin is, is its mean loss. */
  histogram(): HistogramMessage {
    const points = this.points();
    const total = (of: (point: NoisePoint) => number) => points.reduce((sum, point) => sum + of(point), 0);
    const ends = Array.from(this.#sums, (_, bin) => this.#least + (bin + 1) * this.#width);
    return {
      min: this.#least,
      max: ends.at(-1)!,
      num: total(({ mean }) => mean),
      sum: total(({ logSnr, mean }) => logSnr * mean),
      sumSquares: total(({ logSnr, mean }) => logSnr ** 2 * mean),
      // Nothing is below the least: the first bucket ends there.
      bucketLimit: [this.#least, ...ends],
      bucket: [0, ...Array.from(this.#sums, (sum, bin) => (this.#counts[bin] === 0 ? 0 : sum / this.#counts[bin]!))],
    };
  }
}
