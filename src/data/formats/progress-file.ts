/** Results of finished parts of a long piece of work, kept in a file so that it can go on after an interruption. */
import { appendFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { readProgressLines, sealedLine } from "./progress-lines.ts";

/** The text of a file; undefined when there is none. */
function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * A file of JSON lines, in the order of the work: first what the work was, then one result a part, each with a hash.
 *
 * Opened for other work than it was written for, it starts anew. Results from the first damaged line on are dropped, as
 * is a line that was cut off in the middle of writing.
 */
export class ProgressFile<T> {
  readonly #path: string;
  readonly #entries: T[] = [];
  #hash: string;
  #damage: string | undefined;

  /** @param work Everything that the results depend on; compared as JSON. @throws what the file system says. */
  constructor(path: string, work: unknown) {
    this.#path = path;
    const head = sealedLine("work", work);
    const text = readText(path);
    const { entries, length, hash, damaged } = readProgressLines<T>(text ?? "");
    if (damaged !== undefined) this.#damage = `${path}: line ${damaged} is damaged`;
    if (text?.startsWith(head.line)) {
      this.#entries.push(...entries);
      this.#hash = hash;
      if (length < text.length) truncateSync(path, Buffer.byteLength(text.slice(0, length)));
      return;
    }
    this.#hash = head.hash;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, head.line);
  }

  /** Results so far. */
  get entries(): readonly T[] {
    return this.#entries;
  }

  /** Names the line of the file that was damaged when it was opened; undefined where none was. */
  get damage(): string | undefined {
    return this.#damage;
  }

  /** Adds the result of the next part. */
  append(entry: T): void {
    const { line, hash } = sealedLine("entry", entry, this.#hash);
    appendFileSync(this.#path, line, { flush: true });
    this.#hash = hash;
    this.#entries.push(entry);
  }
}
