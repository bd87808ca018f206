/** Ways to damage a file. */
import { closeSync, openSync, readFileSync, readSync, statSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import type { Random } from "../../exchange-fuzz/random.ts";

/** Each returns the changed bytes; undefined where the file has nothing of the kind. */
export const damages = {
  bit(bytes: Buffer, { below }: Random) {
    if (bytes.length > 0) bytes[below(bytes.length)]! ^= 1 << below(8);
    return bytes.length > 0 ? bytes : undefined;
  },
  digit(bytes: Buffer, { below }: Random) {
    const digits = [...bytes.keys()].filter((i) => bytes[i]! >= 48 && bytes[i]! <= 57);
    if (digits.length === 0) return undefined;
    const at = digits[below(digits.length)]!;
    bytes[at] = 48 + ((bytes[at]! - 48 + 1 + below(9)) % 10);
    return bytes;
  },
  page(bytes: Buffer, { below }: Random) {
    const at = 4096 * below(Math.ceil(bytes.length / 4096));
    return bytes.length > 0 ? bytes.fill(0, at, Math.min(at + 4096, bytes.length)) : undefined;
  },
  cut: (bytes: Buffer, { below }: Random) => bytes.subarray(0, below(bytes.length)),
  empty: () => Buffer.alloc(0),
};

/** A way to damage a file. */
export type Damage = keyof typeof damages;
export const kindsOfDamage = Object.keys(damages) as Damage[];

/** Bytes of a large file that are read to damage one of them. */
const PIECE = 2 ** 20;

/** Damages a file in its place; of a large one, a piece. @returns False where it has nothing of the kind. */
export function damageFile(path: string, kind: Damage, random: Random): boolean {
  const { size } = statSync(path);
  if (kind === "empty" || kind === "cut") {
    truncateSync(path, kind === "empty" ? 0 : random.below(size));
    return true;
  }
  if (size <= PIECE) {
    const changed = damages[kind](readFileSync(path), random);
    if (changed) writeFileSync(path, changed);
    return changed !== undefined;
  }
  const [file, at, bytes] = [openSync(path, "r+"), random.below(size - PIECE), Buffer.alloc(PIECE)];
  try {
    readSync(file, bytes, 0, PIECE, at);
    const changed = damages[kind](bytes, random);
    if (changed) writeSync(file, changed, 0, PIECE, at);
    return changed !== undefined;
  } finally {
    closeSync(file);
  }
}
