/** Tells by its first bytes what a file is that is not what its name, or `--format`, says. */
import { open } from "node:fs/promises";
import { FILE_NAMES } from "./file-names.ts";

/** A kind of file, as messages name it. */
export interface ContentKind {
  readonly name: string;
  /** The `--format` that reads it. */
  readonly format?: keyof typeof FILE_NAMES | "folder";
  readonly remedy: string;
}

/** Bytes that the signs below lie in. */
const HEAD = 512;

const arrays = "save its arrays with numpy.savez('train.npz', images=..., labels=...) and use --format arrays";
const reads = (format: NonNullable<ContentKind["format"]>): Omit<ContentKind, "name"> => ({
  format,
  remedy: `use --format ${format}`,
});
const picture = (name: string) => ({ name: `a picture, ${name}`, ...reads("folder") });
const unread = (name: string) => ({ name: `a ${name} picture, which is not read`, remedy: "convert it to png" });

/** Where a sign begins, the sign, one character a byte, and what it tells. */
const SIGNS: readonly (readonly [at: number, sign: string, kind: ContentKind])[] = [
  [
    0,
    "version https://git-lfs.github.com/spec/",
    { name: "a pointer of Git LFS, not the file", remedy: "fetch the file itself: git lfs pull" },
  ],
  [0, "<!DOCTYPE html", { name: "a web page", remedy: "download the file again" }],
  [0, "<html", { name: "a web page", remedy: "download the file again" }],
  [0, "PAR1", { name: "a Parquet file", ...reads("parquet") }],
  [0, "ARROW1", { name: "an Arrow file", ...reads("arrow") }],
  [
    0,
    "FEA1",
    {
      name: "a file of Feather version 1, which is not read",
      remedy: "write it again with pyarrow.feather.write_feather(pyarrow.feather.read_table(path), path)",
    },
  ],
  [0, "\x93NUMPY", { name: "an .npy file", ...reads("arrays") }],
  [0, "PK\x03\x04", { name: "a zip archive", remedy: "use --format arrays for an .npz file; unpack any other" }],
  [257, "ustar", { name: "a tar archive", ...reads("webdataset") }],
  [0, "\x1f\x8b", { name: "packed by gzip", remedy: "unpack it with gunzip" }],
  [0, "\x89HDF", { name: "an HDF5 file, which is not read", remedy: arrays }],
  [0, "\x80\x02", { name: "a Python pickle, which is not read", remedy: arrays }],
  [0, "\x80\x03", { name: "a Python pickle, which is not read", remedy: arrays }],
  [0, "\x80\x04", { name: "a Python pickle, which is not read", remedy: arrays }],
  [0, "\x80\x05", { name: "a Python pickle, which is not read", remedy: arrays }],
  [0, "\x89PNG\r\n", picture("PNG")],
  [0, "\xff\xd8\xff", picture("JPEG")],
  [0, "GIF8", picture("GIF")],
  [0, "II*\0", picture("TIFF")],
  [0, "MM\0*", picture("TIFF")],
  [8, "WEBP", picture("WebP")],
  [4, "ftypavif", picture("AVIF")],
  [4, "ftyphei", unread("HEIC")],
  [4, "jP  \r\n", unread("JPEG 2000")],
  [0, "BM", unread("BMP")],
];

/** Tells the kind of content by its first bytes; undefined where they have no sign. */
export function kindOfContent(bytes: Uint8Array): ContentKind | undefined {
  const head = Buffer.from(bytes.subarray(0, HEAD)).toString("latin1");
  return SIGNS.find(([at, sign]) => head.startsWith(sign, at))?.[2];
}

/** True for the bytes of an image file. */
export const isPicture = (bytes: Uint8Array): boolean => kindOfContent(bytes)?.format === "folder";

/** Kinds that a format reads under its own names: zip as .npz, gzip around records and archives. */
const OWN: Readonly<Record<keyof typeof FILE_NAMES, readonly string[]>> = {
  arrays: ["a zip archive"],
  tfrecords: ["packed by gzip"],
  webdataset: ["packed by gzip"],
  parquet: [],
  arrow: [],
};

/** Tells the kind of a file that the format of these names does not read; undefined where nothing tells one. */
export async function foreignKind(path: string, names: RegExp): Promise<ContentKind | undefined> {
  const format = (Object.keys(OWN) as (keyof typeof OWN)[]).find((key) => FILE_NAMES[key] === names);
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD), 0, HEAD, 0);
    const kind = kindOfContent(buffer.subarray(0, bytesRead));
    const own = !kind || !format || kind.format === format || OWN[format].includes(kind.name);
    return own ? undefined : kind;
  } finally {
    await file.close();
  }
}

/** Endings of files that hold images in forms that are not read, and how to convert them. */
const CONVERSIONS: readonly (readonly [RegExp, string])[] = [
  [/\.(safetensors|h5|hdf5|pth?|pkl|pickle|csv|mat|bin)$/i, arrays],
  [/\.(zip|rar|7z)$/i, "unpack the archive, and name the folder with --from"],
  [/\.(bmp|ppm|pgm|jp2|heic|heif|tga|exr)$/i, "convert the images to png"],
];

/** How to convert what lies where nothing is that is read; undefined where that is not known. */
export const conversionOf = (names: readonly string[]): string | undefined =>
  CONVERSIONS.find(([ending]) => names.some((name) => ending.test(name)))?.[1];
