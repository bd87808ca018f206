/** A parcel that is coming, or has come. */
import type { Share } from "../../base/shares.ts";
import { cut } from "./range-sum.ts";
import type { PeerMemory } from "./shared-memory.ts";

export class Arriving {
  /** Memory of its pieces, but for those that were left in the sender's memory. */
  readonly vectors: readonly Float32Array[];
  /** Values of the last vector that are there; the vectors before it are complete by then. */
  there = 0;
  /** All of it was checked. */
  complete = false;
  readonly #memory: PeerMemory | undefined;
  /** Pieces by vector, then by their first value. */
  readonly #left = new Map<number, Map<number, number>>();
  #release = () => {};
  readonly #released = new Promise<void>((resolve) => (this.#release = resolve));

  constructor(vectors: readonly Float32Array[], memory?: PeerMemory) {
    this.vectors = vectors;
    this.#memory = memory;
  }

  /** A piece is at `at` in the sender's memory. */
  leave(vector: number, first: number, at: number): void {
    const pieces = this.#left.get(vector) ?? new Map<number, number>();
    this.#left.set(vector, pieces.set(first, at));
  }

  /** The values of a piece, as it came; valid until the next call. */
  piece(vector: number, piece: Share): Float32Array {
    const at = this.#left.get(vector)?.get(piece.first);
    if (at === undefined) return cut(this.vectors[vector]!, piece);
    return this.#memory!.view(at, piece.end - piece.first);
  }

  /** Nobody reads it any more. */
  release(): void {
    this.#release();
  }

  /** Resolves once the sender needs none of its memory for it any more. */
  async read(): Promise<void> {
    if (this.#left.size > 0) await this.#released;
  }
}
