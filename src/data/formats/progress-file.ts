/** Results of finished parts of a long piece of work, kept in a file so that it can go on after an interruption. */
import { appendFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseNumbers, stringifyNumbers } from "../../base/json-numbers.ts";

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
 * A file of JSON lines, in the order of the work: first what the work was, then one result a part.
 *
 * Opened for other work than it was written for, or damaged, it starts anew; a line that was cut off in the middle of
 * writing is dropped.
 */
export class ProgressFile<T> {
  readonly #path: string;
  readonly #entries: T[] = [];

  /** @param work Everything that the results depend on; compared as JSON. @throws what the file system says. */
  constructor(path: string, work: unknown) {
    this.#path = path;
    const head = `${JSON.stringify({ work })}\n`;
    const text = readText(path);
    if (text?.startsWith(head)) {
      let length = head.length;
      for (const line of text.slice(head.length).split("\n").slice(0, -1)) {
        try {
          this.#entries.push(parseNumbers(line) as T);
        } catch {
          break;
        }
        length += line.length + 1;
      }
      if (length < text.length) truncateSync(path, Buffer.byteLength(text.slice(0, length)));
      return;
    }
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, head);
  }

  /** Results so far. */
  get entries(): readonly T[] {
    return this.#entries;
  }

  /** Adds the result of the next part. */
  append(entry: T): void {
    appendFileSync(this.#path, `${stringifyNumbers(entry)}\n`, { flush: true });
    this.#entries.push(entry);
  }
}
