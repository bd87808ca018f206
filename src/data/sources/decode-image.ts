import sharp, { type Sharp } from "sharp";
import { BadDataError } from "./bad-data.ts";
import { kindOfContent } from "./content-kind.ts";
import { decodeInThreads, ThreadEndedError, worthThreads } from "./decode-threads.ts";
import { decodeSamples, isUnusual } from "./decode-samples.ts";
import { opaqueGif } from "./gif.ts";
import { MAX_FILE_BYTES, MAX_PIXELS } from "./limits.ts";
import type { ImageOptions } from "./options.ts";
import { checkPacked, pngLayout } from "./png-layout.ts";
import { arranged } from "./planes.ts";
import { type Box, resample } from "./resample.ts";
import { toBytes } from "./samples.ts";
import { decodeSmallPng, isSmallPng } from "./small-png.ts";
import { shapeText, type Picture, type Shape } from "./source.ts";

// Images run side by side, one thread each: that is faster for many than several threads on one.
sharp.concurrency(1);
sharp.cache(false);

/** Names of formats as in libvips, which also reads drawings of any size. */
const FORMATS = ["png", "jpeg", "webp", "gif", "tiff", "heif"];

/**
 * Decodes PNG, JPEG, WebP, GIF, TIFF or AVIF, then crops and resizes it and sets its channels by the options.
 *
 * It rotates the image by its EXIF orientation. It drops an alpha channel before resizing, and ignores a colour
 * profile, like common loaders (Pillow, TensorFlow). Of an animation, it uses the first picture.
 *
 * @param where File and index, for messages.
 * @throws BadDataError when it is damaged, too small for `crop`, has more than 100 megapixels, or is a PNG that unpacks
 *   to more than its pixels.
 */
export async function decodeImage(bytes: Uint8Array, where: string, options: ImageOptions): Promise<Picture> {
  if (bytes.length === 0) throw new BadDataError(where, "empty");
  if (bytes.length > MAX_FILE_BYTES) throw new BadDataError(where, `${bytes.length} bytes are too many for an image`);
  try {
    const png = pngLayout(bytes);
    if (png && isSmallPng(png)) {
      const picture = worthThreads() ? await decodeInThreads(bytes) : decodeSmallPng(bytes, png);
      return await fitDecoded(picture, where, options);
    }
    const opaque = opaqueGif(bytes);
    const input = { limitInputPixels: MAX_PIXELS, failOn: "error", ignoreIcc: true } as const;
    const metadata = await sharp(opaque, { ...input, limitInputPixels: false }).metadata();
    const { autoOrient, format } = metadata;
    const { width, height } = autoOrient;
    if (!FORMATS.includes(format)) throw new BadDataError(where, `it is ${format}, not one of ${FORMATS.join(", ")}`);
    if (width * height > MAX_PIXELS) {
      throw new BadDataError(where, `it declares ${width} x ${height} pixels, more than ${MAX_PIXELS / 1e6} million`);
    }
    // libvips takes what the pixels need and leaves the rest packed, so it would not tell.
    if (png) await checkPacked(png);
    const upright = () => sharp(opaque, input).autoOrient();
    if (isUnusual(metadata) || options.range || options.transpose) {
      const picture = await decodeSamples(upright, metadata, where, options.range);
      return await fitPicture(picture, where, { ...options, range: undefined, channels: options.channels ?? 3 });
    }
    return await finish(upright(), [height, width, 0], where, options, format === "jpeg");
  } catch (error) {
    if (error instanceof BadDataError || error instanceof ThreadEndedError) throw error;
    const kind = kindOfContent(bytes);
    if (kind && kind.format !== "folder") {
      throw new BadDataError(where, `it is ${kind.name}`, { remedy: kind.remedy, cause: error });
    }
    const reason = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, " ").replace(/[\s:]+$/, "");
    throw new BadDataError(where, `it cannot be decoded: ${reason}`, { cause: error });
  }
}

/**
 * Applies the options to the decoded pixels of a file; the result is in colour unless they say otherwise.
 *
 * @throws BadDataError
 */
export const fitDecoded = (picture: Picture, where: string, options: ImageOptions): Picture | Promise<Picture> =>
  fitPicture(picture, where, { ...options, channels: options.channels ?? 3 });

/** Returns the picture with the requested range of samples and order of axes. */
function asMeant(picture: Picture, where: string, { range, transpose }: ImageOptions): Picture {
  const data = toBytes(where, picture.data, "uint8", range);
  if (transpose) return arranged(data, picture.shape, [1, 0, 2]);
  return range ? { data, shape: picture.shape } : picture;
}

/**
 * Crops and resizes decoded pixels and sets their channels; returns the picture itself if no option is set.
 *
 * @throws BadDataError when pixels lie outside the requested range, or are too few for the crop.
 */
export function fitPicture(stored: Picture, where: string, options: ImageOptions): Picture | Promise<Picture> {
  const picture = asMeant(stored, where, options);
  const { data, shape } = picture;
  const [height, width, channels] = shape;
  const { crop = height === width ? height : undefined, size = crop, channels: wanted = channels } = options;
  const plain = crop === undefined ? size === undefined : crop === height && crop === width && size === crop;
  if (plain && wanted === channels) return picture;
  if (plain && wanted === 3 && channels === 1) return { data: grown(data), shape: [height, width, 3] };
  if (plain && wanted === 1 && channels === 3) return { data: grey(data), shape: [height, width, 1] };
  const raw = { width, height, channels: channels as 1 | 3 };
  return finish(sharp(data, { raw }), shape, where, { ...options, channels: wanted === 1 ? 1 : 3 });
}

/** Grey pixels as colour. */
function grown(grey: Uint8Array): Uint8Array {
  const out = new Uint8Array(3 * grey.length);
  for (let i = 0, to = 0; i < grey.length; i++) out[to++] = out[to++] = out[to++] = grey[i]!;
  return out;
}

/** Colour as grey, by the luma of ITU-R BT.601 in the fixed-point form of Pillow. */
function grey(rgb: Uint8Array): Uint8Array {
  const out = new Uint8Array(rgb.length / 3);
  for (let i = 0, from = 0; i < out.length; i++, from += 3) {
    out[i] = (19595 * rgb[from]! + 38470 * rgb[from + 1]! + 7471 * rgb[from + 2]! + 0x8000) >> 16;
  }
  return out;
}

/** Larger images are shrunk to so many times the size first: by libvips alone, pixels are off by up to 21 of 255. */
const FINE = 6;
/** The same for the decoder of JPEG, whose smaller pictures are exact means. */
const FINE_DECODED = 5;
/** Side of those that are resampled here as they are, as Pillow does, whatever the size. */
const SMALL = 256;

/** Parts of their sides at which JPEG images are decoded. sharp takes each from one more on: a whole part is halved. */
const DECODED_PARTS = [8, 4, 2];

/** The size to which a JPEG decoder may shrink an image: whole pixels, and {@link FINE_DECODED} times the size are left. */
function decodedSize(
  [height, width]: Shape,
  crop: number,
  size: number,
): { height: number; width: number } | undefined {
  const fits = (part: number) => width % part === 0 && height % part === 0 && crop >= (part + 1) * FINE_DECODED * size;
  const part = DECODED_PARTS.find(fits);
  if (part === undefined) return undefined;
  return { height: Math.floor(height / (part + 1)), width: Math.floor(width / (part + 1)) };
}

/** Extracts the pixels that a box touches; returns the box within them. */
function within(image: Sharp, box: Box): Box {
  const [left, top] = [Math.floor(box.left), Math.floor(box.top)];
  const [right, bottom] = [Math.ceil(box.left + box.width), Math.ceil(box.top + box.height)];
  image.extract({ left, top, width: right - left, height: bottom - top });
  return { ...box, left: box.left - left, top: box.top - top };
}

/** Plans crop and resizing of an image; returns the part of the result that is to be resampled, default all. */
function cropped(image: Sharp, shape: Shape, crop: number, size: number, jpeg: boolean): Box | undefined {
  const [height, width] = shape;
  // Rounded as the reference's crop_resize and central_crop do.
  const [top, left] = [Math.floor((height - crop) / 2), Math.floor((width - crop) / 2)];
  const decoded = jpeg && size !== crop ? decodedSize(shape, crop, size) : undefined;
  if (decoded) {
    image.resize({ ...decoded, fit: "fill", kernel: "cubic" });
    // Multiplied first, so that a whole side stays whole.
    const across = (length: number) => (length * decoded.width) / width;
    const down = (length: number) => (length * decoded.height) / height;
    return within(image, { left: across(left), top: down(top), width: across(crop), height: down(crop) });
  }
  image.extract({ top, left, width: crop, height: crop });
  const fine = FINE * size;
  if (size !== crop && crop > Math.max(SMALL, fine)) {
    image.resize({ width: fine, height: fine, fit: "fill", kernel: "cubic", fastShrinkOnLoad: false });
  }
  return undefined;
}

async function finish(
  image: Sharp,
  shape: Shape,
  where: string,
  options: ImageOptions,
  jpeg = false,
): Promise<Picture> {
  const [height, width] = shape;
  const { size, filter = "cubic", channels = 3 } = options;
  const crop = options.crop ?? (size === undefined ? undefined : Math.min(height, width));
  if (crop !== undefined && crop > Math.min(height, width)) {
    throw new BadDataError(where, `${shapeText([height, width])} pixels are too few for a crop of ${crop}`);
  }
  const box = crop === undefined ? undefined : cropped(image, shape, crop, size ?? crop, jpeg);
  image.removeAlpha().toColourspace("srgb");
  const { data, info } = await image.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  const decoded: Shape = [info.height, info.width, info.channels];
  const resized = size !== undefined && size !== crop;
  const rgb = resized ? resample(data, decoded, size, filter, box) : data;
  const [rows, columns] = resized ? [size, size] : decoded;
  return { data: channels === 1 ? grey(rgb) : rgb, shape: [rows, columns, channels] };
}
