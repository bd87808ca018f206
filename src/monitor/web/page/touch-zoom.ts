/** Zooming with two fingers; both may move what is zoomed. */
import "./dom.ts";
import type { Zoom } from "./zoom-keys.ts";

/** The zoom that keeps under two fingers what was under them. */
export function pinched(
  [min, max]: readonly [number, number],
  was: readonly [number, number],
  is: readonly [number, number],
): readonly [number, number] {
  // Places as parts of the width, in [0, 1].
  const scale = (was[1] - was[0]) / (is[1] - is[0]);
  const middle = min + ((was[0] + was[1]) / 2) * (max - min);
  const width = (max - min) * scale;
  const from = middle - ((is[0] + is[1]) / 2) * width;
  return [from, from + width];
}

/** Nearer together, two fingers say nothing. */
const CLOSE = 0.02;

/** @param range The range that is shown now. */
export function touchZoom(
  over: HTMLElement,
  range: () => readonly [number, number],
  onZoom: (zoom: Zoom) => void,
): void {
  let start: { readonly range: readonly [number, number]; readonly places: readonly [number, number] } | undefined;
  const places = ({ touches }: TouchEvent): readonly [number, number] | undefined => {
    if (touches.length !== 2) return undefined;
    const { left, width } = over.getBoundingClientRect();
    const [a, b] = [...touches].map(({ clientX }) => (clientX - left) / width).sort((one, other) => one - other);
    return b! - a! < CLOSE ? undefined : [a!, b!];
  };
  const begin = (event: TouchEvent) => {
    const at = places(event);
    start = at && { range: range(), places: at };
  };
  over.addEventListener("touchstart", begin, { passive: true });
  over.addEventListener("touchend", begin, { passive: true });
  over.addEventListener(
    "touchmove",
    (event) => {
      const at = places(event);
      if (!start || !at) return;
      event.preventDefault();
      onZoom(pinched(start.range, start.places, at));
    },
    { passive: false },
  );
}
