/** Zooming with two fingers on an element. */
import { expect, it, vi } from "vitest";
import { h } from "../../../../src/monitor/web/page/dom.ts";
import { touchZoom } from "../../../../src/monitor/web/page/touch-zoom.ts";
import { event, shown, usePage } from "./fixture.ts";

usePage();

/** An element from x = 100 to 300 that shows [0, 1000]. */
function touched() {
  const over = shown(h("div"));
  over.getBoundingClientRect = () => ({ left: 100, width: 200 }) as DOMRect;
  const zoom = vi.fn<(zoom: unknown) => void>();
  let range: readonly [number, number] = [0, 1000];
  touchZoom(over, () => range, zoom);
  const touch = (type: string, ...places: number[]) => {
    const told = event(`touch${type}`, { touches: places.map((clientX) => ({ clientX })) });
    over.dispatchEvent(told);
    return told.defaultPrevented;
  };
  return { zoom, touch, setRange: (next: readonly [number, number]) => (range = next) };
}

it("keeps under the fingers what was under them", () => {
  const { zoom, touch } = touched();
  expect(touch("start", 150, 250)).toBe(false);
  // The fingers part from the quarters to the borders: the middle half fills the width.
  expect(touch("move", 100, 300)).toBe(true);
  expect(zoom.mock.lastCall).toEqual([[250, 750]]);
  touch("move", 175, 225);
  expect(zoom.mock.lastCall).toEqual([[-500, 1500]]);
  // Moved together, they move what is shown.
  touch("move", 170, 270);
  expect(zoom.mock.lastCall).toEqual([[-100, 900]]);
});

it("does not ask which finger came first", () => {
  const { zoom, touch } = touched();
  touch("start", 250, 150);
  touch("move", 100, 300);
  touch("move", 300, 100);
  expect(zoom.mock.calls).toEqual([[[250, 750]], [[250, 750]]]);
});

it.each([
  ["one finger", [150]],
  ["three fingers", [120, 150, 250]],
  ["fingers too near together", [150, 153]],
])("does nothing for %s, and leaves the movement to the page", (_, places) => {
  const { zoom, touch } = touched();
  touch("start", ...places);
  expect(touch("move", 150, 250)).toBe(false);
  touch("start", 150, 250);
  expect(touch("move", ...places)).toBe(false);
  expect(zoom).not.toHaveBeenCalled();
});

it("takes fingers that are just far enough apart", () => {
  const { zoom, touch } = touched();
  touch("start", 150, 155);
  touch("move", 150, 250);
  expect(zoom).toHaveBeenCalledOnce();
});

it("begins anew where a finger comes or goes, from the range that is shown then", () => {
  const { zoom, touch, setRange } = touched();
  touch("start", 150, 250);
  touch("end", 150);
  expect(touch("move", 100, 300)).toBe(false);
  setRange([100, 200]);
  touch("start", 150, 250);
  touch("move", 100, 300);
  touch("end", 150, 250);
  touch("move", 150, 250);
  expect(zoom.mock.calls).toEqual([[[125, 175]], [[100, 200]]]);
});
