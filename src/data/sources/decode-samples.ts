/** Images that are not bytes of grey or colour alone: other types of samples, inks, and an alpha channel. */
import type { Metadata, Sharp } from "sharp";
import { BadDataError } from "./bad-data.ts";
import { toBytes, type SampleRange, type SampleType } from "./samples.ts";
import type { Picture } from "./source.ts";

/** Types as libvips names them; of "short" it makes unsigned numbers, and loses what is below 0. */
const TYPES: Readonly<Record<string, SampleType>> = {
  uchar: "uint8",
  char: "int8",
  ushort: "uint16",
  uint: "uint32",
  int: "int32",
  float: "float32",
  double: "float64",
};

type Depth = NonNullable<Parameters<Sharp["raw"]>[0]>["depth"];

const VIEWS = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

/** The first `kept` of every `channels` samples. */
function firstOf<T extends ArrayLike<number>>(samples: T, channels: number, kept: number): T {
  if (channels === kept) return samples;
  const out = new (samples.constructor as new (length: number) => T & number[])((samples.length / channels) * kept);
  for (let from = 0, to = 0; from < samples.length; from += channels) {
    for (let c = 0; c < kept; c++) out[to++] = samples[from + c]!;
  }
  return out;
}

/** Inks as colour without a profile, by the fixed-point form of Pillow. */
function fromInks(inks: Uint8Array, channels: number): Uint8Array {
  const out = new Uint8Array((inks.length / channels) * 3);
  for (let from = 0, to = 0; from < inks.length; from += channels) {
    const paper = 255 - inks[from + 3]!;
    for (let c = 0; c < 3; c++) {
      const product = inks[from + c]! * paper + 128;
      out[to++] = Math.max(0, paper - (((product >> 8) + product) >> 8));
    }
  }
  return out;
}

/** True when an image needs {@link decodeSamples}, so that it means the same whatever is done with it afterwards. */
export const isUnusual = ({ depth, space, hasAlpha }: Metadata): boolean =>
  depth !== "uchar" || space === "cmyk" || hasAlpha;

/**
 * Decodes an image as it is stored and makes bytes of grey or colour of it, at its own size.
 *
 * @param open Opens the image, turned upright.
 * @throws BadDataError when what its samples mean is not known.
 */
export async function decodeSamples(
  open: () => Sharp,
  { depth, space }: Metadata,
  where: string,
  range: SampleRange | undefined,
): Promise<Picture> {
  const type = TYPES[depth];
  if (!type)
    throw new BadDataError(where, `its samples are of type ${depth}, which is not read`, {
      remedy: "save it as numpy.uint8, 0..255",
    });
  const image = open().pipelineColourspace(space).toColourspace(space);
  const { data, info } = await image.raw({ depth: depth as Depth }).toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const View = VIEWS[type as keyof typeof VIEWS];
  const samples = new View(data.buffer as ArrayBuffer, data.byteOffset, width * height * channels);
  if (space === "cmyk") {
    const inks = toBytes(where, samples, type, range);
    return { data: fromInks(inks, channels), shape: [height, width, 3] };
  }
  const kept = channels < 3 ? 1 : 3;
  return { data: toBytes(where, firstOf(samples, channels, kept), type, range), shape: [height, width, kept] };
}
