/** Counts content that lies where images are looked for and is not read. */

export interface PassedOver {
  /** Why, such as "hidden" or ".txt is not read". */
  readonly reason: string;
  readonly count: number;
  /** The first of them. */
  readonly first: readonly string[];
}

/** Number of names given for a reason. */
const NAMED = 3;

/** Counts by reason. */
export class Tally {
  readonly #reasons = new Map<string, { count: number; readonly first: string[] }>();

  add(reason: string, name: string, count = 1): void {
    const entry = this.#reasons.get(reason) ?? { count: 0, first: [] };
    this.#reasons.set(reason, entry);
    entry.count += count;
    if (entry.first.length < NAMED) entry.first.push(name);
  }

  /** The most frequent reason first. */
  list(): PassedOver[] {
    const all = [...this.#reasons].map(([reason, { count, first }]) => ({ reason, count, first: [...first] }));
    return all.sort((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1));
  }
}
