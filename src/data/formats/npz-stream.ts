/** An npz file of one array of bytes that is never in memory as a whole. */
import { crc32 } from "../../base/crc.ts";

/** The values start at a multiple of this within the npy file. */
const ALIGNMENT = 64;
const LIMIT = 0xffffffff;
/** 1 January 1980, the first date of the format: the same arrays make the same bytes. */
const DATE = 0x21;
const VERSION = 20;
/** Sizes of the archive's own records, without the name of the entry. */
const LOCAL = 30;
const CENTRAL = 46;
const END = 22;

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** The head of an npy file of bytes. @see numpy.lib.format, version 1.0 */
function npyHead(shape: readonly number[]): Buffer {
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${tuple}), }`;
  const head = Buffer.alloc(Math.ceil((10 + text.length + 1) / ALIGNMENT) * ALIGNMENT, " ");
  head.write("\x93NUMPY\x01\x00", "latin1");
  head.writeUInt16LE(head.length - 10, 8);
  head.write(text, 10, "latin1");
  head.write("\n", head.length - 1);
  return head;
}

/** Bytes of the npz file of an array [...shape] under `name`. */
export const npzSize = (name: string, shape: readonly number[]) =>
  npyHead(shape).length + product(shape) + LOCAL + CENTRAL + END + 2 * `${name}.npy`.length;

/** True when the array fits into an npz file as this module writes it, which has less than 4 GiB. */
export const fitsNpz = (name: string, shape: readonly number[]) => npzSize(name, shape) < LIMIT;

/** Writes the fields that an entry's own header and its line of the directory share. */
function entryFields(name: Buffer, crc: number, size: number): Buffer {
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(VERSION, 0);
  fields.writeUInt16LE(DATE, 8);
  fields.writeUInt32LE(crc, 10);
  fields.writeUInt32LE(size, 14);
  fields.writeUInt32LE(size, 18);
  fields.writeUInt16LE(name.length, 22);
  return fields;
}

/**
 * The pieces of an npz file with one array of bytes, stored without compression.
 *
 * @param values Its values in order, in pieces of any length; called twice, for the checksum stands before the values.
 * @throws RangeError when they are not as many as the shape says, or the file would have 4 GiB or more.
 * @see numpy.savez
 */
export function* npzPieces(
  name: string,
  shape: readonly number[],
  values: () => Iterable<Uint8Array>,
): Generator<Uint8Array, void, void> {
  if (!fitsNpz(name, shape)) throw new RangeError(`npz: an array [${shape}] of bytes gives a file of 4 GiB or more`);
  const head = npyHead(shape);
  let crc = crc32(head);
  let count = 0;
  for (const piece of values()) {
    crc = crc32(piece, crc);
    count += piece.length;
  }
  if (count !== product(shape)) throw new RangeError(`npz: ${count} values are not [${shape}]`);

  const entry = Buffer.from(`${name}.npy`);
  const size = head.length + count;
  const fields = entryFields(entry, crc, size);
  yield Buffer.concat([Buffer.from("PK\x03\x04", "latin1"), fields, entry, head]);
  yield* values();

  const directory = Buffer.alloc(CENTRAL);
  directory.write("PK\x01\x02", "latin1");
  directory.writeUInt16LE(VERSION, 4);
  directory.set(fields, 6);
  const end = Buffer.alloc(END);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(CENTRAL + entry.length, 12);
  end.writeUInt32LE(LOCAL + entry.length + size, 16);
  yield Buffer.concat([directory, entry, end]);
}
