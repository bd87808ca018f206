/** The samples of the newest snapshot, each beside the training image that is nearest to it, and how near test images are. */
import type { NearestImages } from "../../../metrics/nearest-images.ts";
import type { SampleGrid } from "../run-files.ts";
import { nearestImages, sampleAddress } from "./api.ts";
import { card, h, setText, svg } from "./dom.ts";
import { number } from "./format.ts";
import { byDistance, nearestText } from "./nearest-text.ts";

/** Pixels of an image on the page, and between images of a grid file. */
const [SIDE, GAP] = [64, 2];
/** Size of the drawing of distances in units of its own. */
const [WIDTH, LEFT, ROW] = [420, 84, 34];

/** The image of a place in a grid. */
function crop(address: string, place: number, nearest: NearestImages, label: string): HTMLElement {
  const [height = 1, width = 1] = nearest.shape;
  const columns = Math.floor(Math.sqrt(nearest.samples.length));
  const scale = SIDE / width;
  const [x, y] = [place % columns, Math.floor(place / columns)];
  const element = h("div", { class: "crop", role: "img", "aria-label": label });
  const { style } = element;
  style.width = `${SIDE}px`;
  style.height = `${height * scale}px`;
  style.backgroundImage = `url("${address}")`;
  style.backgroundSize = `${(columns * (width + GAP) + GAP) * scale}px auto`;
  style.backgroundPosition = `${-(x * (width + GAP) + GAP) * scale}px ${-(y * (height + GAP) + GAP) * scale}px`;
  return element;
}

/** A row of dots for the samples, and one for the test images. */
function strip({ samples, test }: NearestImages): SVGElement {
  const rows = [["samples", samples.map(({ distance }) => distance)], ["test images", test]] as const; // prettier-ignore
  const most = Math.max(...rows.flatMap(([, values]) => values), 1e-9);
  const x = (value: number) => LEFT + (value / most) * (WIDTH - LEFT - 12);
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${2 * ROW + 18}`, role: "img", "aria-label": "distances of samples and of test images" },
    ...rows.flatMap(([name, values], row) => [
      svg("text", { x: 0, y: row * ROW + 21 }, name),
      svg("line", { x1: LEFT, x2: WIDTH - 12, y1: row * ROW + 17, y2: row * ROW + 17 }),
      ...values.map((value) => svg("circle", { class: row === 0 ? "own" : "", cx: x(value), cy: row * ROW + 17, r: 4 })), // prettier-ignore
    ]),
    svg("text", { x: LEFT, y: 2 * ROW + 14 }, "0"),
    svg("text", { class: "end", x: WIDTH - 12, y: 2 * ROW + 14 }, number(Number(most.toPrecision(3)))),
  );
}

export function nearestView() {
  const pairs = h("ul", { class: "pairs" });
  const note = h("p", { class: "note" });
  const drawing = h("div", { class: "strip" });
  const element = card("nearest", "Nearest training images", note, drawing, pairs);
  element.hidden = true;
  let shown = "";

  const draw = (run: string, own: SampleGrid, near: SampleGrid, nearest: NearestImages) => {
    const [samples, images] = [own, near].map(({ name, modified }) => sampleAddress(run, name, modified));
    const pair = (place: number) => {
      const { image, distance } = nearest.samples[place]!;
      const [which, far] = [image.toLocaleString("en"), number(Number(distance.toPrecision(3)))];
      return h(
        "li",
        {},
        crop(samples!, place, nearest, `sample ${place + 1}`),
        crop(images!, place, nearest, `training image ${which}, at distance ${far}`),
        h("span", {}, `${far} · no. ${which}`),
      );
    };
    pairs.replaceChildren(...byDistance(nearest).map(pair));
    drawing.replaceChildren(strip(nearest));
    setText(note, nearestText(nearest));
  };

  return {
    element,
    /** Shows the newest step of a run that was compared with the training. */
    async update(run: string, grids: readonly SampleGrid[]): Promise<void> {
      const near = grids.findLast(({ kind }) => kind === "nearest");
      const own = near && grids.find(({ kind, step }) => kind === "samples" && step === near.step);
      const key = JSON.stringify([run, own, near]);
      if (key === shown) return;
      const found = near && own ? await nearestImages(run, near.step!) : undefined;
      shown = key;
      element.hidden = found === undefined;
      if (found) draw(run, own!, near!, found);
    },
  };
}
