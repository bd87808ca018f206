/** The loss over the noise of the focused run: its newest curve, and a heat map of those before. */
import { card, h, isolated, setText, svg } from "./dom.ts";
import { number } from "./format.ts";
import type { Model } from "./model.ts";
import { KINDS, logPlace, noiseCurves, positiveRange, type Kind, type NoiseCurves } from "./noise-curves.ts";
import { colour } from "./theme.ts";

/** Columns of the heat map at most. */
const COLUMNS = 240;
/** Size of the curve in units of its own, and the room for its numbers. */
const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [420, 210, 62, 26, 10];

type Range = readonly [number, number];

/** The newest curve over log-SNR, the loss on a logarithmic scale. */
function curve({ logSnr, values }: NoiseCurves, range: Range): SVGElement {
  const [first, last] = [logSnr[0]!, logSnr.at(-1)!];
  const x = (at: number) => LEFT + ((at - first) / (last - first || 1)) * (WIDTH - LEFT - 14);
  const y = (loss: number) => HEIGHT - BOTTOM - logPlace(loss, range) * (HEIGHT - BOTTOM - TOP);
  const points = logSnr.flatMap((at, bin) => {
    const loss = values.at(-1)![bin]!;
    return loss > 0 ? [{ at, loss }] : [];
  });
  const middle = Math.sqrt(range[0] * range[1]);
  const losses = range[0] === range[1] ? [range[0]] : [range[0], middle, range[1]];
  const words = points.map(({ at, loss }) => `${number(at)}: ${number(loss)}`).join(", ");
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `Newest loss by log-SNR: ${words}.` },
    ...losses.flatMap((loss) => [
      svg("line", { class: "line", x1: LEFT, x2: WIDTH - 14, y1: y(loss), y2: y(loss) }),
      svg("text", { class: "tick value", x: LEFT - 6, y: y(loss) + 4 }, number(Number(loss.toPrecision(3)))),
    ]),
    ...[first, (first + last) / 2, last].map((at) =>
      svg("text", { class: "tick", x: x(at), y: HEIGHT - 8 }, String(Number(at.toFixed(1)))),
    ),
    svg("polyline", { class: "curve", points: points.map(({ at, loss }) => `${x(at)},${y(loss)}`).join(" ") }),
    ...points.map(({ at, loss }) => svg("circle", { cx: x(at), cy: y(loss), r: 3 }, svg("title", {}, `log-SNR ${number(at)}: ${number(loss)}`))), // prettier-ignore
  );
}

/** One pixel a bin and column; the style makes it as large as its place. */
function paint(canvas: HTMLCanvasElement, { logSnr, values }: NoiseCurves, range: Range): void {
  [canvas.width, canvas.height] = [values.length, logSnr.length];
  const context = canvas.getContext("2d")!;
  context.fillStyle = colour("--accent");
  values.forEach((column, x) =>
    column.forEach((loss, bin) => {
      if (!(loss > 0)) return;
      context.globalAlpha = 0.06 + 0.94 * logPlace(loss, range);
      context.fillRect(x, logSnr.length - 1 - bin, 1, 1);
    }),
  );
}

export function noiseView(model: Model) {
  const newest = h("figure", { class: "noise-curve" });
  const canvas = h("canvas", { role: "img" });
  const [top, bottom] = [h("span"), h("span")];
  const [from, to] = [h("span"), h("span")];
  const heat = h(
    "figure",
    { class: "noise-heat" },
    h("div", { class: "noise-snr" }, top, h("span", {}, "log-SNR"), bottom),
    canvas,
    h("div", { class: "noise-steps" }, from, h("span", {}, "step"), to),
  );
  const note = h("p", { class: "note" });
  const options = KINDS.map((kind) => h("option", { value: kind }, kind === "weighted" ? "with its weight" : "without its weight, the error in the noise")); // prettier-ignore
  const choice = h("select", { id: "noise-kind", onchange: () => update() }, ...options);
  const control = h("div", { class: "controls" }, h("label", { for: "noise-kind" }, "Loss", choice));
  const element = card("noise", "Loss over noise", control, h("div", { class: "noise" }, newest, heat), note);
  element.hidden = true;

  const update = () => {
    const { node } = model;
    const curves = noiseCurves(node?.series ?? new Map(), choice.value as Kind, COLUMNS);
    const range = positiveRange(curves.values);
    element.hidden = range === undefined;
    if (!node || !range) return;
    newest.replaceChildren(
      h("figcaption", {}, `newest, step ${curves.steps.at(-1)!.toLocaleString("en")}`),
      curve(curves, range),
    );
    paint(canvas, curves, range);
    const [first, last] = [curves.steps[0]!, curves.steps.at(-1)!].map((step) => step.toLocaleString("en"));
    canvas.setAttribute("aria-label", `Loss by log-SNR from step ${first} to ${last}, from ${number(range[0])} to ${number(range[1])}.`); // prettier-ignore
    setText(from, first!);
    setText(to, curves.steps.length > 1 ? last! : "");
    setText(top, number(curves.logSnr.at(-1)));
    setText(bottom, number(curves.logSnr[0]));
    setText(note, `${isolated(node.run)}: mean loss in bins of log(α²/σ²), noise on the left and below; the stronger the colour, the larger the loss, from ${number(range[0])} to ${number(range[1])} on a logarithmic scale.`); // prettier-ignore
  };
  return { element, update };
}
