/** Sums over pixels, channel by channel; doubles hold them exactly, as they stay below 2^53. */
export interface ChannelSums {
  /** Sums of the values in 0..255, [C]. */
  readonly sums: number[];
  /** Sums of their squares, [C]. */
  readonly squares: number[];
}

/** Values whose squares can be added up in 32 bits. */
const AT_ONCE = 32_768;

/** @param images Pixels, [..., C]. */
export function channelSums(images: Uint8Array, channels: number): ChannelSums {
  const [sums, squares] = [new Array<number>(channels).fill(0), new Array<number>(channels).fill(0)];
  // Whole pixels at a time, so that they are still in the cache for the next channel.
  const step = channels * AT_ONCE;
  for (let from = 0; from < images.length; from += step) {
    const end = Math.min(from + step, images.length);
    for (let c = 0; c < channels; c++) {
      let [sum, square] = [0, 0];
      for (let i = from + c; i < end; i += channels) {
        const value = images[i]!;
        sum = (sum + value) | 0;
        square = (square + value * value) | 0;
      }
      sums[c]! += sum;
      squares[c]! += square;
    }
  }
  return { sums, squares };
}

/** Mean and standard deviation of each channel on the scale 0..1, from the sums of parts of the data. */
export function channelStatistics(
  parts: readonly ChannelSums[],
  pixels: number,
): { means: number[]; deviations: number[] } {
  const total = (pick: (part: ChannelSums) => readonly number[]) =>
    (parts[0]?.sums ?? []).map((_, c) => parts.reduce((sum, part) => sum + pick(part)[c]!, 0));
  const means = total(({ sums }) => sums).map((sum) => sum / pixels);
  const deviations = total(({ squares }) => squares).map((sum, c) =>
    Math.sqrt(Math.max(sum / pixels - means[c]! ** 2, 0)),
  );
  return { means: means.map((mean) => mean / 255), deviations: deviations.map((deviation) => deviation / 255) };
}

/** Adds the images of every class to `counts`, which grows as it has to. */
export function countClasses(labels: Int32Array, counts: number[] = []): number[] {
  const out = [...counts];
  for (const label of labels) {
    while (out.length <= label) out.push(0);
    out[label]!++;
  }
  return out;
}
