/** Keeps free parts by their size: the next step uses the same sizes again. */
export class BySize<T> {
  readonly #free = new Map<number, T[]>();

  take(size: number): T | undefined {
    return this.#free.get(size)?.pop();
  }

  give(size: number, one: T): void {
    const same = this.#free.get(size);
    if (same) same.push(one);
    else this.#free.set(size, [one]);
  }

  clear(): void {
    this.#free.clear();
  }
}

/** A pool of arrays: new ones at every step would keep the garbage collector busy. */
export class BufferPool {
  readonly #arrays = new BySize<Float32Array>();

  /** Returns an array with arbitrary content. */
  take = (length: number): Float32Array => this.#arrays.take(length) ?? new Float32Array(length);

  /** Takes arrays back that nobody reads or writes any more. */
  give(arrays: Iterable<Float32Array>): void {
    for (const array of arrays) this.#arrays.give(array.length, array);
  }

  clear(): void {
    this.#arrays.clear();
  }
}
