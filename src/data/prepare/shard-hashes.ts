/** The SHA-256 of each shard, compared once with the manifest's when the shard is first used. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../../base/errors.ts";
import { sha256Of } from "../../base/sha256.ts";
import type { ShardInfo } from "./manifest.ts";

const PIECE = 1 << 20;

/** As {@link sha256Of}, without letting anything else run. */
function sha256Now(path: string): string {
  const hash = createHash("sha256");
  const piece = new Uint8Array(PIECE);
  const file = openSync(path, "r");
  try {
    for (let read = 1; read > 0;) {
      read = readSync(file, piece, 0, PIECE, null);
      hash.update(piece.subarray(0, read));
    }
  } finally {
    closeSync(file);
  }
  return hash.digest("hex");
}

/** Remembers the shards that were found to be as they were written. */
export class ShardHashes {
  readonly #paths: readonly string[];
  readonly #shards: readonly ShardInfo[];
  readonly #remedy: string;
  readonly #whole = new Set<number>();
  readonly #checks = new Map<number, Promise<void>>();
  /** They are hashed one after another. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(directory: string, shards: readonly ShardInfo[], remedy: string) {
    this.#paths = shards.map(({ file }) => join(directory, file));
    this.#shards = shards;
    this.#remedy = remedy;
  }

  #compare(shard: number, found: string): void {
    if (found !== this.#shards[shard]!.sha256) {
      throw new UsageError(`${this.#paths[shard]} is damaged: its hash is not the manifest's`, this.#remedy);
    }
    this.#whole.add(shard);
  }

  /** @throws UsageError when the shard is not as it was written. */
  now(shard: number): void {
    if (!this.#whole.has(shard)) this.#compare(shard, sha256Now(this.#paths[shard]!));
  }

  /** As {@link now}, read by threads of the system while something else is done. */
  check(shard: number): Promise<void> {
    const known = this.#checks.get(shard);
    if (known) return known;
    const check = this.#last.then(async () => {
      if (!this.#whole.has(shard)) this.#compare(shard, await sha256Of(this.#paths[shard]!));
    });
    this.#last = check.catch(() => {});
    this.#checks.set(shard, check);
    return check;
  }
}
