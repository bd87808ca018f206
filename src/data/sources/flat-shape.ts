/** The shape of images whose pixels are stored as one flat list. */

/** Lengths of the axes as they are stored, where the list has that many values. */
export const shapeOfFlat = (length: number, shape: readonly number[] | undefined): readonly number[] | undefined =>
  shape !== undefined && shape.reduce((a, b) => a * b, 1) === length ? shape : undefined;

/** How to say the shape of a flat list, with that of a square where it can be one. */
export function shapeRemedy(length: number): string {
  const side = [3, 1].map((channels) => [Math.sqrt(length / channels), channels] as const);
  const [square = 32, channels = 3] = side.find(([value]) => Number.isInteger(value)) ?? [];
  return `give the shape of an image as it is stored: height, width and channels, such as --shape ${square},${square},${channels}`;
}
