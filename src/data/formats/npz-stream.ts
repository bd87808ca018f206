/** An npz file of one array of bytes that is never in memory as a whole. */
import { crc32 } from "../../base/crc.ts";
import { CENTRAL, directoryLine, END, endRecord, LOCAL, localHeader, STORED, U32 } from "./zip-records.ts";

/** The values start at a multiple of this within the npy file. */
const ALIGNMENT = 64;

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
  npyHead(shape).length + product(shape) + LOCAL.size + CENTRAL.size + END.size + 2 * `${name}.npy`.length;

/** True when the array fits into an npz file as this module writes it, which has less than 4 GiB. */
export const fitsNpz = (name: string, shape: readonly number[]) => npzSize(name, shape) < U32;

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

  const size = head.length + count;
  const entry = { name: Buffer.from(`${name}.npy`), flags: 0, method: STORED, crc, packed: size, size };
  const header = localHeader(entry);
  yield Buffer.concat([header, head]);
  yield* values();
  const directory = directoryLine(entry, 0);
  yield Buffer.concat([directory, endRecord(1, directory.length, header.length + size)]);
}
