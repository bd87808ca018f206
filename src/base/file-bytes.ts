/** Whole files, and their first bytes. */
import { constants } from "node:buffer";
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";

// One read call takes at most 2^31 - 1 bytes.
const READ_LIMIT = 1 << 30;

/**
 * Up to `limit` bytes from the beginning of a file.
 *
 * @throws RangeError when it is no file, or larger than any array; a system error when it cannot be read.
 */
export function readBytes(path: string, limit = Infinity): Uint8Array {
  // Opening a pipe would wait for its other end.
  if (!statSync(path).isFile()) throw new RangeError("it is not a file");
  const file = openSync(path, "r");
  try {
    const size = Math.min(fstatSync(file).size, limit);
    if (size > constants.MAX_LENGTH) throw new RangeError(`it has ${size} bytes, ${constants.MAX_LENGTH} can be read`);
    const bytes = new Uint8Array(size);
    let at = 0;
    while (at < size) {
      const count = readSync(file, bytes, at, Math.min(READ_LIMIT, size - at), null);
      if (count === 0) throw new RangeError("it became shorter while it was read");
      at += count;
    }
    return bytes;
  } finally {
    closeSync(file);
  }
}
