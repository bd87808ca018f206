/** Arrays that are free again: taking new ones for every step would keep the garbage collector busy with them. */
export class Spare {
  readonly #arrays = new Map<number, Float32Array[]>();

  /** An array, with anything in it. */
  take = (length: number): Float32Array => this.#arrays.get(length)?.pop() ?? new Float32Array(length);

  /** Nobody reads them or writes into them any more. */
  give(arrays: Iterable<Float32Array>): void {
    for (const array of arrays) {
      const same = this.#arrays.get(array.length);
      if (same) same.push(array);
      else this.#arrays.set(array.length, [array]);
    }
  }

  clear(): void {
    this.#arrays.clear();
  }
}
