/** The thread that `decodeInThreads` starts: decodes small PNG files, many a message. */
import { parentPort } from "node:worker_threads";
import { pngLayout } from "./png-layout.ts";
import { decodeSmallPng } from "./small-png.ts";
import { pixelsOf, type Shape } from "./source.ts";

/** Files, one behind the other. */
export interface ToDecode {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly lengths: readonly number[];
}

/** Pixels, one picture behind the other, and of each file its shape, or what is wrong with it. */
export interface Decoded {
  readonly pixels: Uint8Array<ArrayBuffer>;
  readonly results: readonly (Shape | string)[];
}

function decodeAll({ bytes, lengths }: ToDecode): Decoded {
  let at = 0;
  const pictures: Uint8Array[] = [];
  const results = lengths.map((length): Shape | string => {
    const file = bytes.subarray(at, (at += length));
    try {
      const { data, shape } = decodeSmallPng(file, pngLayout(file)!);
      if (data.length !== pixelsOf(shape)) return `it has ${data.length} of ${pixelsOf(shape)} values`;
      pictures.push(data);
      return shape;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  });
  const pixels = new Uint8Array(pictures.reduce((sum, { length }) => sum + length, 0));
  let to = 0;
  for (const picture of pictures) {
    pixels.set(picture, to);
    to += picture.length;
  }
  return { pixels, results };
}

parentPort?.on("message", (files: ToDecode) => {
  const decoded = decodeAll(files);
  parentPort!.postMessage(decoded, [decoded.pixels.buffer]);
});
