/** When the page is drawn anew: not oftener than it can be, and at once for what a person did. */
import "./dom.ts";

/** ms between drawings, however fast metrics come. */
const PACE = 150;
/** Rest after a drawing, as a multiple of the time it took: many runs leave room for what a person does. */
const REST = 3;

/** @param draw Draws all. */
export function pacer(draw: () => void) {
  let took = 0;
  let waiting: ReturnType<typeof setTimeout> | undefined;
  let due = false;
  const run = () => {
    due = false;
    const begun = performance.now();
    draw();
    took = performance.now() - begun;
  };
  const next = () => {
    clearTimeout(waiting);
    waiting = undefined;
    if (due) return;
    due = true;
    requestAnimationFrame(run);
  };
  return {
    /** Changes that come meanwhile are in the same drawing. */
    later(): void {
      if (!due) waiting ??= setTimeout(next, Math.max(PACE, REST * took));
    },
    soon: next,
  };
}
