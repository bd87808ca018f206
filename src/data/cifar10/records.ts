/** Records of the binary version, [label, 1024 red, 1024 green, 1024 blue], to and from images [H, W, C]. */
import { pixels, recordBytes } from "./manifest.ts";

const plane = pixels / 3;

/** Splits records into pixels, [N, H, W, C], and labels, [N], written into `images` and `labels`. */
export function unpackRecords(records: Uint8Array, images: Uint8Array, labels: Uint8Array): void {
  for (let n = 0; n < labels.length; n++) {
    const from = n * recordBytes;
    labels[n] = records[from]!;
    let to = n * pixels;
    for (let red = from + 1; red <= from + plane; red++) {
      images[to++] = records[red]!;
      images[to++] = records[red + plane]!;
      images[to++] = records[red + 2 * plane]!;
    }
  }
}

/** Inverse of {@link unpackRecords}. */
export function packRecords(images: Uint8Array, labels: ArrayLike<number>): Uint8Array {
  const records = new Uint8Array(labels.length * recordBytes);
  for (let n = 0; n < labels.length; n++) {
    const to = n * recordBytes;
    records[to] = labels[n]!;
    let from = n * pixels;
    for (let red = to + 1; red <= to + plane; red++) {
      records[red] = images[from++]!;
      records[red + plane] = images[from++]!;
      records[red + 2 * plane] = images[from++]!;
    }
  }
  return records;
}
