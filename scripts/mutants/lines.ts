/** A random part of the lines of files, the same each time for the same seed. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** A number in [0, 1) that is a function of the text. */
const uniform = (text: string): number => createHash("sha256").update(text).digest().readUInt32LE(0) / 2 ** 32;

/**
 * Patterns of StrykerJS for `share` of the lines of a file, chosen by hash, so that a file moved or a line added leaves
 * the choice of the others as it is.
 *
 * @param share In (0, 1]; 1: the whole file.
 * @returns Patterns "path:first-last"; none when no line was chosen.
 */
export function chosenLines(path: string, share: number, seed: number): string[] {
  if (share >= 1) return [path];
  const seen = new Map<string, number>();
  const chosen = readFileSync(path, "utf8")
    .split("\n")
    .map((line) => {
      const count = seen.get(line) ?? 0;
      seen.set(line, count + 1);
      return uniform(`${seed}\0${path.split("/").at(-1)}\0${line}\0${count}`) < share;
    });
  const patterns: string[] = [];
  for (let first = 0; first < chosen.length; first++) {
    if (!chosen[first]) continue;
    let last = first;
    while (chosen[last + 1]) last++;
    patterns.push(`${path}:${first + 1}-${last + 1}`);
    first = last;
  }
  return patterns;
}
