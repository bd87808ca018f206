import type { LoadedImages } from "../dataset.ts";

/** Number of images of each class, [classes]. */
export function classCounts({ labels }: LoadedImages, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label]!++;
  return counts;
}

/** Mean of every channel over all pixels, on the scale 0..1, [C]. */
export function channelMeans({ images, shape: [, , channels] }: LoadedImages): number[] {
  // Doubles hold the sums exactly: they stay far below 2^53.
  const sums = new Float64Array(channels);
  for (let i = 0; i < images.length; i += channels) {
    for (let c = 0; c < channels; c++) sums[c] = sums[c]! + images[i + c]!;
  }
  return Array.from(sums, (sum) => sum / (images.length / channels) / 255);
}
