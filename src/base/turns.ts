/** Runs pieces of work one after another, in the order of their coming. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Resolves as `work` does; the failure of one does not stop the next. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => {});
    return mine;
  }
}
