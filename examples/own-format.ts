/**
 * A data format of one's own: tables of grey images, a line each, `label,pixel0,pixel1,...` as Kaggle has MNIST.
 *
 * npm run data -- prepare --format ./examples/own-format.ts --from DIGITS --out data/digits
 */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import {
  BadDataError,
  badEntry,
  badEntryOf,
  findSplit,
  fitPicture,
  registerFormat,
  type SourceEntry,
  type SourceOptions,
  stampOf,
} from "scorestream/data";

/** The numbers of a line. @throws BadDataError when they are no square image of bytes. */
function parseLine(line: string, where: string): { label: number; data: Uint8Array; side: number } {
  const [label, ...pixels] = line.split(",").map(Number);
  const side = Math.sqrt(pixels.length);
  const isByte = (value: number) => Number.isInteger(value) && value >= 0 && value <= 255;
  if (!isByte(label!)) throw new BadDataError(where, "its label is no byte");
  if (!Number.isInteger(side) || side === 0) throw new BadDataError(where, `${pixels.length} pixels are no square`);
  if (!pixels.every(isByte)) throw new BadDataError(where, "a pixel is no number from 0 to 255");
  return { label: label!, data: Uint8Array.from(pixels), side };
}

async function* entriesOf(path: string, options: SourceOptions): AsyncGenerator<SourceEntry> {
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    number++;
    if (number === 1 || line === "") continue; // the names of the columns
    const name = `${path}: line ${number}`;
    try {
      const { label, data, side } = parseLine(line, name);
      yield { name, label, load: () => fitPicture({ data, shape: [side, side, 1] }, name, options) };
    } catch (error) {
      yield badEntryOf(error);
    }
  }
}

export default registerFormat({
  name: "table",
  summary: "tables of grey images: label,pixel0,pixel1,...",
  async open(options) {
    const { paths, faults } = await findSplit(options, /\.csv$/, ".csv files");
    return {
      ...{ format: "table", split: options.split, files: await Promise.all(paths.map(stampOf)) },
      async *entries() {
        for (const path of paths) yield* entriesOf(path, options);
        yield* faults.map(badEntry);
      },
    };
  },
});
