/** The results of an evaluation, and their mean. */
import { average, spread, standardError, type Measured } from "./statistics.ts";

/** Values of the images of one batch. */
export interface Evaluated {
  /** Index of the first image in its pass. */
  readonly first: number;
  readonly values: readonly number[];
  /** Network evaluations of each image. */
  readonly evaluations?: readonly number[];
}

/** Values of each image, one a pass, in the order of the images. */
function passesOf(batches: readonly Evaluated[]): number[][] {
  const images: number[][] = [];
  for (const { first, values } of batches) values.forEach((value, i) => (images[first + i] ??= []).push(value));
  return images;
}

/** Number of values in all. */
export const countOf = (batches: readonly Evaluated[]) => batches.reduce((n, { values }) => n + values.length, 0);

/** Value of each image, in the order of the images, averaged over passes. */
export const perImage = (batches: readonly Evaluated[]): number[] => passesOf(batches).map(average);

/** The mean over whole passes with its errors. */
export function measured(batches: readonly Evaluated[]): Measured {
  const images = passesOf(batches);
  const means = images.map(average);
  const repeats = images[0]?.length ?? 0;
  const passes = Array.from({ length: repeats }, (_, pass) => average(images.map((values) => values[pass]!)));
  const evaluations = batches.flatMap(({ evaluations = [] }) => evaluations);
  return {
    mean: average(means),
    standardError: standardError(means),
    ...(repeats > 1 && { repeatStandardError: standardError(passes) }),
    images: images.length,
    repeats,
    ...(evaluations.length > 0 && { evaluations: spread(evaluations) }),
  };
}
