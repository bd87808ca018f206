/** Features of images, one row an image, such as Inception's `pool_3` (2,048 numbers) or its logits. */
import { UsageError } from "../base/errors.ts";

export interface Features {
  /** Names the features in errors: a file, "the samples" ... */
  readonly name: string;
  /** [rows, dims], row-major. */
  readonly data: Float32Array | Float64Array;
  readonly rows: number;
  readonly dims: number;
}

/** Lets the event loop turn, or rejects to stop; awaited some times a second in the long computations. */
export type Pause = () => Promise<void>;

/**
 * Checks features before they are computed with.
 *
 * @throws RangeError when the length is not rows * dims; UsageError when there are fewer than `atLeast` rows, or a value is not finite.
 */
export function checkFeatures({ name, data, rows, dims }: Features, atLeast: number): void {
  if (data.length !== rows * dims || dims < 1) {
    throw new RangeError(`${name}: ${data.length} values are not [${rows}, ${dims}]`);
  }
  if (rows < atLeast) throw new UsageError(`${name}: ${rows} rows, at least ${atLeast} are needed`, "give more images");
  const bad = data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new UsageError(
      `${name}: row ${Math.floor(bad / dims)} has ${data[bad]} at ${bad % dims}`,
      "compute the features again",
    );
  }
}
