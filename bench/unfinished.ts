/** What a bench that was cut has measured already: a file in the cache folder, until the bench ends. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { SectionResult } from "./context.ts";
import type { SectionName } from "./options.ts";

type Done = readonly (readonly [SectionName, SectionResult])[];

/** Sections are taken over for a day: then the machine may be another one. */
const LONGEST = 24 * 3600 * 1000;

export class Unfinished {
  readonly #path: string;
  readonly #key: string;

  /** @param key What results must share to be of one bench: options, machine, code. */
  constructor(path: string, key: unknown) {
    this.#path = path;
    this.#key = JSON.stringify(key);
  }

  /** The sections that are done, none of another bench. */
  read(now = Date.now()): Done {
    try {
      const { key, begun, done } = JSON.parse(readFileSync(this.#path, "utf8")) as {
        key: string;
        begun: number;
        done: Done;
      };
      return key === this.#key && now - begun < LONGEST ? done : [];
    } catch (error) {
      // A file that was cut while it was written has nothing to go on with.
      if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  }

  write(done: Done, now = Date.now()): void {
    mkdirSync(dirname(this.#path), { recursive: true });
    writeFileSync(this.#path, JSON.stringify({ key: this.#key, begun: now, done }));
  }

  /** All is done. */
  remove(): void {
    rmSync(this.#path, { force: true });
  }
}
