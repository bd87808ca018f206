/** Ranges of places that are kept apart; of more, the oldest count as one. */
const LIMIT = 10_000;

/**
 * The places of a node's record that a monitor has, as ranges: what comes late, behind a gap, is told from what came before.
 */
export class StoredPlaces {
  /** First and last place of each, in order, with gaps between them. */
  readonly #ranges: [first: number, last: number][] = [];

  /** The largest place; 0 where there is none. */
  get last(): number {
    return this.#ranges.at(-1)?.[1] ?? 0;
  }

  has(place: number): boolean {
    const range = this.#ranges[this.#after(place) - 1];
    return range !== undefined && place <= range[1];
  }

  add(place: number): void {
    if (this.has(place)) return;
    const at = this.#after(place);
    const [before, next] = [this.#ranges[at - 1], this.#ranges[at]];
    const joins = [before?.[1] === place - 1, next?.[0] === place + 1] as const;
    if (joins[0] && joins[1]) {
      before![1] = next![1];
      this.#ranges.splice(at, 1);
    } else if (joins[0]) before![1] = place;
    else if (joins[1]) next![0] = place;
    else this.#ranges.splice(at, 0, [place, place]);
    if (this.#ranges.length > LIMIT) this.#ranges.splice(0, 2, [this.#ranges[0]![0], this.#ranges[1]![1]]);
  }

  /** Index of the first range that begins after a place. */
  #after(place: number): number {
    let [low, high] = [0, this.#ranges.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#ranges[middle]![0] <= place) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
