import { BadDataError } from "./bad-data.ts";
import type { ByteReader } from "./byte-reader.ts";
import { MAX_PICTURE_BYTES } from "./limits.ts";

const BLOCK = 1 << 20;

/**
 * `count` rows of `width` bytes each, read in blocks.
 *
 * @throws BadDataError after the last whole row when the stream ends before all rows or is damaged; it counts the rows
 *   that are lost.
 */
export async function* rows(reader: ByteReader, width: number, count: number): AsyncGenerator<Uint8Array> {
  const inRow = async <T>(row: number, read: () => Promise<T>): Promise<T> => {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof BadDataError)) throw error;
      throw new BadDataError(`${reader.where}: image ${row}`, error.reason, { lost: count - row, cause: error });
    }
  };
  if (!(width > 0 && width <= MAX_PICTURE_BYTES)) {
    throw new BadDataError(reader.where, `its header declares images of ${width} bytes`, { lost: count });
  }
  const inBlock = Math.max(1, Math.floor(BLOCK / width));
  for (let row = 0; row < count;) {
    const wanted = Math.min(inBlock, count - row);
    const block = await inRow(row, () => reader.takeUpTo(wanted * width));
    const whole = Math.floor(block.length / width);
    for (let i = 0; i < whole; i++) yield block.subarray(i * width, (i + 1) * width);
    row += whole;
    if (whole < wanted) {
      // Damage is told when nothing is left before it.
      await inRow(row, () => reader.atEnd());
      const where = `${reader.where}: image ${row}`;
      throw new BadDataError(where, `cut short: ${count - row} of ${count} images are missing`, { lost: count - row });
    }
  }
}

/** @throws BadDataError when the stream goes on: its header promised less than there is. */
export async function expectEnd(reader: ByteReader): Promise<void> {
  if (await reader.atEnd()) return;
  throw new BadDataError(reader.where, `longer than its header says: more than ${reader.position} bytes`, { lost: 0 });
}
