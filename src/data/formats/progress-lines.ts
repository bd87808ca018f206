/** The lines of a progress file: each has a hash over its own text and that of all lines before it. */
import { createHash } from "node:crypto";
import { parseNumbers, stringifyNumbers } from "../../base/json-numbers.ts";

type Kind = "work" | "entry";

/** Hexadecimal digits of a line's hash. */
const DIGITS = 32;
const FORMS = {
  work: new RegExp(`^\\{"work":(.*),"sha256":"([0-9a-f]{${DIGITS}})"\\}$`),
  entry: new RegExp(`^\\{"entry":(.*),"sha256":"([0-9a-f]{${DIGITS}})"\\}$`),
};

const hashOf = (before: string, text: string) =>
  createHash("sha256").update(before).update(text).digest("hex").slice(0, DIGITS);

/** A line with its end, and the hash that the next one continues. */
export function sealedLine(kind: Kind, value: unknown, before = ""): { readonly line: string; readonly hash: string } {
  const text = kind === "work" ? JSON.stringify(value) : stringifyNumbers(value);
  const hash = hashOf(before, text);
  return { line: `{"${kind}":${text},"sha256":"${hash}"}\n`, hash };
}

/** The value's text and the hash of a line; undefined when it is not as it was written. */
function opened(kind: Kind, line: string | undefined, before: string) {
  const [, text, hash] = FORMS[kind].exec(line ?? "") ?? [];
  return text !== undefined && hash === hashOf(before, text) ? { text, hash } : undefined;
}

/** The whole lines in the text of a progress file. */
export interface ProgressLines<T> {
  /** The first line's content; absent when that line is not whole. */
  readonly work?: unknown;
  readonly entries: readonly T[];
  /** Characters of the lines that are whole. */
  readonly length: number;
  /** Hash of the last line that is whole. */
  readonly hash: string;
  /** Number of the first line, from 1 on, that has its end and not its hash. */
  readonly damaged?: number | undefined;
}

/** Reads lines up to the first that is not as it was written. A last line without its end was being written. */
export function readProgressLines<T>(text: string): ProgressLines<T> {
  const [first, ...rest] = text.split("\n").slice(0, -1);
  const head = opened("work", first, "");
  if (!head) return { entries: [], length: 0, hash: "", damaged: text.length > 0 ? 1 : undefined };
  const work = JSON.parse(head.text) as unknown;
  const entries: T[] = [];
  let [length, hash] = [first!.length + 1, head.hash];
  for (const [i, line] of rest.entries()) {
    const entry = opened("entry", line, hash);
    if (!entry) return { work, entries, length, hash, damaged: i + 2 };
    entries.push(parseNumbers(entry.text) as T);
    length += line.length + 1;
    hash = entry.hash;
  }
  return { work, entries, length, hash };
}
