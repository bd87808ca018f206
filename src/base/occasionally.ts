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
