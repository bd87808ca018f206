/** Estimates the time a stage still takes. */
import { duration, short } from "../base/format.ts";
import type { StageProgress } from "../run/reporter.ts";

/** Follows one stage; the first report only starts the clock, for it holds the compilation and, resumed, old steps. */
export class Pace {
  readonly #total: number | undefined;
  #first: { readonly done: number; readonly time: number } | undefined;

  constructor(total: number | undefined) {
    this.#total = total;
  }

  /** Seconds left after `done` at `time` (ms); undefined while that cannot be told. */
  secondsLeft(done: number, time: number): number | undefined {
    this.#first ??= { done, time };
    const [ahead, elapsed] = [done - this.#first.done, time - this.#first.time];
    if (this.#total === undefined || !(ahead > 0 && elapsed > 0)) return undefined;
    return (Math.max(this.#total - done, 0) * elapsed) / ahead / 1000;
  }
}

/** "loss 0.0312, 512 images/s, 3 min 10 s left": what is known of it. */
export function details({ loss, imagesPerSecond }: StageProgress, left: number | undefined): string {
  return [
    loss === undefined ? "" : `loss ${short(loss)}`,
    imagesPerSecond === undefined ? "" : `${short(imagesPerSecond)} images/s`,
    left === undefined ? "" : `${duration(left)} left`,
  ]
    .filter(Boolean)
    .join(", ");
}
