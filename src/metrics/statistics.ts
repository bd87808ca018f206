/** Means with what is known of their errors. */

/** Mean, least and most. */
export interface Spread {
  readonly mean: number;
  readonly min: number;
  readonly max: number;
}

/** Statistics of a value of each image, from one pass over the images or several with fresh noise. */
export interface Measured {
  /** Mean over images and passes. */
  readonly mean: number;
  /**
   * Standard error of the mean over images, from the spread of the images' own means over passes; NaN for one image.
   */
  readonly standardError: number;
  /** Standard error of the mean over passes, from the spread of the passes' means: the error that the noise makes. */
  readonly repeatStandardError?: number;
  readonly images: number;
  /** Passes over the images. */
  readonly repeats: number;
  /** Network evaluations that an image took, where the solver chooses their number. */
  readonly evaluations?: Spread;
}

export const average = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** Standard error of the mean of independent values; NaN for a single one, which does not tell it. */
export function standardError(values: readonly number[]): number {
  const mean = average(values);
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / (values.length - 1);
  return Math.sqrt(variance / values.length);
}

export const spread = (values: readonly number[]): Spread => ({
  mean: average(values),
  min: values.reduce((a, b) => Math.min(a, b), Infinity),
  max: values.reduce((a, b) => Math.max(a, b), -Infinity),
});
