import { BadDataError } from "./bad-data.ts";
import { shapeOfFlat, shapeRemedy } from "./flat-shape.ts";
import { fromPlanes } from "./planes.ts";
import type { SourceOptions } from "./options.ts";
import { toBytes, type SampleRange, type SampleType } from "./samples.ts";
import { pixelsOf, shapeText, type Picture, type Shape } from "./source.ts";

/** [H, W], [H, W, C] or, in planes, [C, H, W], as the shape of a picture; undefined when they are none. */
export function pictureShape(dims: readonly number[], planes: boolean): Shape | undefined {
  const [a = 0, b = 0, c] = dims;
  const shape: Shape = c === undefined ? [a, b, 1] : planes ? [b, c, a] : [a, b, c];
  const fits = (dims.length === 2 || dims.length === 3) && (shape[2] === 1 || shape[2] === 3) && pixelsOf(shape) > 0;
  return fits ? shape : undefined;
}

/** Bytes as pixels, where they are as many as the shape that was said; else undefined. */
export function flatPicture(
  bytes: Uint8Array,
  { layout, shape: said }: Pick<SourceOptions, "layout" | "shape">,
): Picture | undefined {
  const dims = shapeOfFlat(bytes.length, said);
  const planes = layout === "chw" && dims?.length === 3;
  const shape = dims && pictureShape(dims, planes);
  return shape && { data: planes ? fromPlanes(bytes, shape) : bytes, shape };
}

/** Writes the numbers of nested lists one behind the other. @throws RangeError when they are not even, or no numbers. */
function flatten(value: unknown, [length, ...rest]: readonly number[], out: Float64Array, at: number): number {
  const list = value as ArrayLike<unknown>;
  if (list?.length !== length) throw new RangeError("its lists are of different lengths");
  for (let i = 0; i < length; i++) {
    const item = list[i];
    if (rest.length > 0) at = flatten(item, rest, out, at);
    // Integers of 64 bits come as bigint.
    else if (["number", "bigint", "boolean"].includes(typeof item)) out[at++] = Number(item);
    else throw new RangeError(`a value of it is ${String(item)}, no number`);
  }
  return at;
}

/** Integers are bytes unless a range is said, whatever their type: lists come as 64 bits from Python. */
function bytesOf(where: string, values: Float64Array, type: SampleType | undefined, range?: SampleRange): Uint8Array {
  if (range || type !== undefined) return toBytes(where, values, type ?? "int64", range);
  const odd = values.find((value) => !(Number.isInteger(value) && value >= 0 && value <= 255));
  if (odd === undefined) return Uint8Array.from(values);
  throw new BadDataError(where, `a value of it is ${odd}, expected 0 to 255`, {
    remedy: "name the values of black and white, such as --range 0,65535, or save the images as bytes",
  });
}

/**
 * Pixels in lists of lists, [H][W][C] or, with layout "chw", [C][H][W].
 *
 * @param type Of floats and flags; of integers absent.
 * @throws BadDataError when they are no picture.
 */
export function nestedPicture(
  where: string,
  value: readonly unknown[],
  { layout, range, shape: said }: Pick<SourceOptions, "layout" | "range" | "shape">,
  type?: SampleType,
): Picture {
  const stored: number[] = [];
  for (let at: unknown = value; typeof at === "object" && at !== null; at = (at as ArrayLike<unknown>)[0]) {
    stored.push((at as ArrayLike<unknown>).length);
  }
  const flat = stored.length === 1;
  const dims = (flat ? shapeOfFlat(stored[0]!, said) : undefined) ?? stored;
  const planes = layout === "chw" && dims.length === 3;
  const shape = pictureShape(dims, planes);
  if (!shape) {
    throw new BadDataError(
      where,
      `lists of ${shapeText(dims)} are not an image; expected [H, W] or [H, W, C] with 1 or 3 channels`,
      {
        remedy: flat
          ? shapeRemedy(stored[0]!)
          : "use --layout chw for [C, H, W], or write the images encoded, as {bytes, path}",
      },
    );
  }
  const values = new Float64Array(pixelsOf(shape));
  try {
    flatten(value, stored, values, 0);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new BadDataError(where, error.message, { cause: error });
  }
  const data = bytesOf(where, values, type, range);
  return { data: planes ? fromPlanes(data, shape) : data, shape };
}
