/** Sums over pixels, channel by channel; doubles hold them exactly, as they stay below 2^53. */
export interface ChannelSums {
  /** Sums of the values in 0..255, [C]. */
  readonly sums: number[];
  /** Sums of their squares, [C]. */
  readonly squares: number[];
}

/** @param images Pixels, [..., C]. */
export function channelSums(images: Uint8Array, channels: number): ChannelSums {
  const [sums, squares] = [new Array<number>(channels), new Array<number>(channels)];
  for (let c = 0; c < channels; c++) {
    let [sum, square] = [0, 0];
    for (let i = c; i < images.length; i += channels) {
      const value = images[i]!;
      sum += value;
      square += value * value;
    }
    [sums[c], squares[c]] = [sum, square];
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
