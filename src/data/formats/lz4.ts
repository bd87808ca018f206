/**
 * LZ4, decompression only, with damaged data refused: lz4js 0.2.0 returns what a cut or damaged frame gives, without an error.
 *
 * @see https://github.com/lz4/lz4/tree/dev/doc (block and frame format)
 */

const cutShort = () => new RangeError("LZ4 data cut short");

/**
 * Decompresses one block into `out` from `at` on; matches may reach back to what is there already.
 *
 * @returns Where it ended in `out`.
 * @throws RangeError when the block is damaged or longer than `out`.
 */
function decodeBlock(block: Uint8Array, out: Uint8Array, at: number): number {
  let from = 0;
  /** 15 means that bytes follow which are added, up to the first below 255. */
  const length = (start: number): number => {
    if (start < 15) return start;
    for (let sum = start; ;) {
      const byte = block[from++];
      if (byte === undefined) throw cutShort();
      sum += byte;
      if (byte < 255) return sum;
    }
  };
  while (from < block.length) {
    const token = block[from++]!;
    const literals = length(token >> 4);
    if (from + literals > block.length) throw cutShort();
    if (at + literals > out.length) throw new RangeError("LZ4 data longer than declared");
    out.set(block.subarray(from, from + literals), at);
    [from, at] = [from + literals, at + literals];
    // The last sequence has literals only.
    if (from === block.length) break;
    if (from + 2 > block.length) throw cutShort();
    const back = block[from]! | (block[from + 1]! << 8);
    from += 2;
    const end = at + length(token & 15) + 4;
    if (back === 0 || back > at) throw new RangeError("LZ4 data damaged: a match before its beginning");
    if (end > out.length) throw new RangeError("LZ4 data longer than declared");
    if (back >= end - at) out.copyWithin(at, at - back, end - back);
    else for (let i = at; i < end; i++) out[i] = out[i - back]!;
    at = end;
  }
  return at;
}

/** Decompresses a block without a frame, of `size` bytes when decompressed. @throws RangeError when it is not so. */
export function decompressLz4Block(block: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  if (decodeBlock(block, out, 0) !== size) throw new RangeError("LZ4 data shorter than declared");
  return out;
}

const MAGIC = 0x184d2204;
const [BLOCK_CHECKSUM, CONTENT_SIZE, DICTIONARY] = [16, 8, 1];
const STORED = 0x80000000;

/**
 * Decompresses a frame, of `size` bytes when decompressed; its checksums are not looked at.
 *
 * @throws RangeError when it is damaged, of another size, or needs a dictionary.
 */
export function decompressLz4Frame(frame: Uint8Array, size: number): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.length < 7 || view.getUint32(0, true) !== MAGIC) throw new RangeError("no LZ4 frame");
  const flags = frame[4]!;
  if (flags >> 6 !== 1 || flags & DICTIONARY) throw new RangeError("an LZ4 frame of an unknown kind");
  const out = new Uint8Array(size);
  let from = flags & CONTENT_SIZE ? 15 : 7;
  let at = 0;
  for (;;) {
    // Reading behind the end is a RangeError.
    const head = view.getUint32(from, true);
    if (head === 0) break;
    const block = frame.subarray(from + 4, from + 4 + (head & ~STORED));
    if (block.length < (head & ~STORED)) throw cutShort();
    if (head & STORED) out.set(block, at);
    at = head & STORED ? at + block.length : decodeBlock(block, out, at);
    from += 4 + block.length + (flags & BLOCK_CHECKSUM ? 4 : 0);
  }
  if (at !== size) throw new RangeError("LZ4 data of another length than declared");
  return out;
}
