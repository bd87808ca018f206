/** What is free again, by its size: what one step uses the next one does. */
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

/** Arrays that are free again: taking new ones for every step would keep the garbage collector busy with them. */
export class Spare {
  readonly #arrays = new BySize<Float32Array>();

  /** An array, with anything in it. */
  take = (length: number): Float32Array => this.#arrays.take(length) ?? new Float32Array(length);

  /** Nobody reads them or writes into them any more. */
  give(arrays: Iterable<Float32Array>): void {
    for (const array of arrays) this.#arrays.give(array.length, array);
  }

  clear(): void {
    this.#arrays.clear();
  }
}
