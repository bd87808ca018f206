import { BadDataError } from "./bad-data.ts";
import { fromPlanes } from "./planes.ts";
import { pixelsOf, shapeText, type Picture, type Shape } from "./source.ts";

/** [H, W], [H, W, C] or, in planes, [C, H, W], as the shape of a picture; undefined when they are none. */
export function pictureShape(dims: readonly number[], planes: boolean): Shape | undefined {
  const [a = 0, b = 0, c] = dims;
  const shape: Shape = c === undefined ? [a, b, 1] : planes ? [b, c, a] : [a, b, c];
  const fits = (dims.length === 2 || dims.length === 3) && (shape[2] === 1 || shape[2] === 3) && pixelsOf(shape) > 0;
  return fits ? shape : undefined;
}

/** Writes the numbers of nested lists one behind the other. @throws RangeError when they are not even, or no bytes. */
function flatten(value: unknown, [length, ...rest]: readonly number[], out: Uint8Array, at: number): number {
  const list = value as ArrayLike<unknown>;
  if (list?.length !== length) throw new RangeError("its lists are of different lengths");
  for (let i = 0; i < length; i++) {
    // Integers of 64 bits come as bigint.
    const item = typeof list[i] === "bigint" ? Number(list[i]) : list[i];
    if (rest.length > 0) at = flatten(item, rest, out, at);
    else if (Number.isInteger(item) && (item as number) >= 0 && (item as number) <= 255) out[at++] = item as number;
    else throw new RangeError(`a value of it is ${String(item)}, expected 0 to 255`);
  }
  return at;
}

/** Pixels in lists of lists, [H][W][C] or, with layout "chw", [C][H][W]. @throws BadDataError when they are no picture. */
export function nestedPicture(where: string, value: readonly unknown[], layout?: "hwc" | "chw"): Picture {
  const dims: number[] = [];
  for (let at: unknown = value; typeof at === "object" && at !== null; at = (at as ArrayLike<unknown>)[0]) {
    dims.push((at as ArrayLike<unknown>).length);
  }
  const planes = layout === "chw" && dims.length === 3;
  const shape = pictureShape(dims, planes);
  if (!shape) {
    throw new BadDataError(
      where,
      `lists of ${shapeText(dims)} are no image; expected [H, W] or [H, W, C] with 1 or 3 channels`,
      { remedy: "say --layout chw for [C, H, W], or write the images encoded, as {bytes, path}" },
    );
  }
  const data = new Uint8Array(pixelsOf(shape));
  try {
    flatten(value, dims, data, 0);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new BadDataError(where, error.message, { cause: error });
  }
  return { data: planes ? fromPlanes(data, shape) : data, shape };
}
