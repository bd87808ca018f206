/** A chart as a picture: what is written and drawn into it. */
import { expect, it, vi } from "vitest";
import { pictureOf } from "../../../../src/monitor/web/page/chart-picture.ts";
import type { Curve } from "../../../../src/monitor/web/page/chart-view.ts";
import { h } from "../../../../src/monitor/web/page/dom.ts";
import { drawnOn, usePage, type Drawn } from "./fixture.ts";

usePage();

const curve = (label: string, dash = 0, colour = 0): Curve => ({ label, points: { x: [], y: [] }, look: { colour, dash }, marks: false }); // prettier-ignore

async function picture(curves: readonly Curve[], scale = 1) {
  vi.stubGlobal("devicePixelRatio", scale);
  const plot = Object.assign(h("canvas"), { width: 400 * scale, height: 200 * scale });
  const create = vi.spyOn(document, "createElement");
  const blob = await pictureOf("Loss", curves, plot);
  const made = create.mock.results.map(({ value }) => value as HTMLCanvasElement).find(({ tagName }) => tagName === "CANVAS")!; // prettier-ignore
  create.mockRestore();
  const drawn = drawnOn(made);
  const of = (...names: string[]) => drawn.filter(([name]) => names.includes(name));
  return { blob, plot, made, drawn, of, written: of("fillText").map(([, text]) => text) };
}

it("has the title, the plot below it, and the curves' names below that", async () => {
  const { blob, plot, made, of } = await picture([curve("a"), curve("b")]);
  expect([made.width, made.height]).toEqual([400 + 24, 200 + 3 * 18 + 36]);
  expect(of("fillText")).toEqual([["fillText", "Loss", 12, 23], ["fillText", "a", 44, 248], ["fillText", "b", 44, 266]]); // prettier-ignore
  expect(of("drawImage")).toEqual([["drawImage", plot, 12, 30, 400, 200]]);
  expect(of("fillRect")).toEqual([["fillRect", 0, 0, 424, 290]]);
  expect(await blob.text()).toBe("picture");
});

it("shows before each name a piece of the curve, in its colour and stroke", async () => {
  const { of } = await picture([curve("a", 0, 3), curve("b", 1, 4), curve("c", 3, 0)]);
  expect(of("setLineDash")).toEqual([["setLineDash", []], ["setLineDash", [6, 4]], ["setLineDash", [9, 3, 2, 3]]]); // prettier-ignore
  expect(of("strokeStyle").map(([, colour]) => colour)).toEqual(["var(--run-3)", "var(--run-4)", "var(--run-0)"]);
  const lines = of("beginPath", "moveTo", "lineTo", "stroke").slice(0, 4);
  expect(lines).toEqual([["beginPath"], ["moveTo", 12, 244], ["lineTo", 36, 244], ["stroke"]] satisfies Drawn[]);
  expect(of("lineWidth").map(([, width]) => width)).toEqual([3, 3, 3]);
});

it("is written in the colour of text on that of cards", async () => {
  const { of } = await picture([curve("a")]);
  expect(of("fillStyle").map(([, colour]) => colour)).toEqual(["var(--card)", "var(--text)", "var(--text)"]);
});

it("has the pixels of the screen", async () => {
  const { made, of } = await picture([curve("a")], 2);
  expect([made.width, made.height]).toEqual([2 * 424, 2 * (200 + 36 + 36)]);
  expect(of("scale", "drawImage").map(([name, ...values]) => [name, ...values.slice(-2)])).toEqual([["scale", 2, 2], ["drawImage", 400, 200]]); // prettier-ignore
});

it("calls a curve without a name by the title", async () => {
  expect((await picture([curve("")])).written).toEqual(["Loss", "Loss"]);
});

it("names 32 curves at most, and counts the others", async () => {
  const curves = (count: number) => Array.from({ length: count }, (_, i) => curve(`c${i}`));
  const all = (await picture(curves(32))).written;
  expect([all.length, all.at(-1)]).toEqual([33, "c31"]);
  const some = (await picture(curves(34))).written;
  expect([some.length, some.at(-2), some.at(-1)]).toEqual([33, "c30", "and 3 more"]);
});

it("tells of a picture that cannot be made", async () => {
  const plot = h("canvas");
  vi.spyOn(plot.constructor.prototype as HTMLCanvasElement, "toBlob").mockImplementation((done) => done(null));
  await expect(pictureOf("Loss", [], plot)).rejects.toThrow("this picture cannot be made");
  vi.restoreAllMocks();
});
