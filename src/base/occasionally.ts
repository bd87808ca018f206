/** The end of a line about one of several, of which `leftOut` were left out: " (and 3 more calls)", or nothing. */
export const andMore = (leftOut: number, what = ""): string =>
  leftOut > 0 ? ` (and ${[leftOut, "more", what].join(" ").trimEnd()})` : "";

/**
 * Calls `report` at once, then at most once in `interval` ms: what comes too often in a log drowns the rest.
 *
 * @param report Told how many calls were left out before this one.
 */
export function occasionally<A extends readonly unknown[]>(
  report: (leftOut: number, ...args: A) => void,
  interval = 10_000,
  now: () => number = () => performance.now(),
): (...args: A) => void {
  let next = -Infinity;
  let leftOut = 0;
  return (...args) => {
    if (now() < next) {
      leftOut++;
      return;
    }
    report(leftOut, ...args);
    next = now() + interval;
    leftOut = 0;
  };
}
