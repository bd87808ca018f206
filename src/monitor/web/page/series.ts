/** One metric over the steps of a run, in bounded memory. */

/** Points at most; more are halved. */
export const SERIES_LIMIT = 20_000;

/** The part of a series that is posted from one thread to another. */
export type SeriesData = Pick<Series, "unit" | "steps" | "values" | "times">;

export class Series {
  readonly unit: string;
  readonly #limit: number;
  /** Strictly ascending. */
  steps: number[] = [];
  /** One value for each of `steps`; NaN where a value was not finite. */
  values: number[] = [];
  /** ms since 1970, one for each of `steps`. */
  times: number[] = [];

  /** @param limit Even. */
  constructor(unit: string, limit = SERIES_LIMIT) {
    this.unit = unit;
    this.#limit = limit;
  }

  static of({ unit, steps, values, times }: SeriesData): Series {
    return Object.assign(new Series(unit), { steps, values, times });
  }

  get last(): number | undefined {
    return this.values.at(-1);
  }

  /**
   * Adds a point. One that goes back takes the place of all from its step on: a run went on from an earlier checkpoint.
   */
  add(step: number, value: number, time = 0): void {
    const { steps, values, times } = this;
    let length = steps.length;
    while (length > 0 && steps[length - 1]! >= step) length--;
    steps.length = values.length = times.length = length;
    steps.push(step);
    values.push(value);
    times.push(time);
    if (steps.length > this.#limit) this.#halve();
  }

  /** Leaves out every second point, never the last. */
  #halve(): void {
    const end = this.steps.length - 1;
    const keep = (_: number, i: number) => (end - i) % 2 === 0;
    this.steps = this.steps.filter(keep);
    this.values = this.values.filter(keep);
    this.times = this.times.filter(keep);
  }
}
