/** The pipeline of the focused run, drawn. */
import { card, h, isolated, setText, svg } from "./dom.ts";
import { bytesText, number, seconds } from "./format.ts";
import type { Model } from "./model.ts";
import { elsewhere, layoutChain, slowest, stagesIn, stagesOfPhase, withExchange, type BoxSize, type Edge, type NodePlace, type StageState } from "./pipeline-graph.ts"; // prettier-ignore

const BOX: BoxSize = { width: 112, height: 62, gapX: 62, gapY: 54 };
/** Around all, for the thick border of the slowest. */
const MARGIN = 8;

function box(stage: StageState | string, { x, y }: NodePlace, isSlowest: boolean): SVGElement {
  const { width, height } = BOX;
  if (typeof stage === "string") {
    return svg("g", { class: "end", transform: `translate(${x},${y})` },
      svg("rect", { width, height: 30, y: (height - 30) / 2, rx: 15 }),
      svg("text", { x: width / 2, y: height / 2 + 4, class: "name" }, stage)); // prettier-ignore
  }
  const { name, busy, bytesPerSecond, rank } = stage;
  const kind = isSlowest ? "stage slowest" : name === "elsewhere" ? "stage rest" : "stage";
  return svg("g", { class: kind, transform: `translate(${x},${y})` },
    svg("rect", { width, height, rx: 8 }),
    svg("text", { x: width / 2, y: 20, class: "name" }, name),
    svg("text", { x: width / 2, y: 37, class: "time" }, `${seconds(stage.seconds)} · ${Math.round(100 * busy)}%`),
    svg("rect", { class: "track", x: 10, y: 47, width: width - 20, height: 5, rx: 2.5 }),
    svg("rect", { class: "busy", x: 10, y: 47, width: (width - 20) * busy, height: 5, rx: 2.5 }),
    isSlowest && svg("text", { class: "mark", x: 2, y: -5 }, "slowest"),
    rank !== undefined && svg("text", { class: "bytes", x: width - 2, y: -5 }, `rank ${rank}`),
    bytesPerSecond !== undefined && svg("text", { class: "bytes", x: width - 2, y: -5 }, `${bytesText(bytesPerSecond)}/s`)); // prettier-ignore
}

function arrow({ from, to, down }: Edge, rate: number | undefined, queue: number | undefined): SVGElement {
  const [x, y] = [(from.x + to.x) / 2, (from.y + to.y) / 2];
  const line = svg("line", { x1: from.x, y1: from.y, x2: to.x, y2: to.y, "marker-end": "url(#tip)" });
  const waiting = queue !== undefined && queue > 0;
  const texts = [
    svg("text", { x: down ? x + 8 : x, y: down ? y - 2 : y - 7, class: down ? "rate beside" : "rate" }, rate === undefined ? "" : `${number(Number(rate.toPrecision(3)))}/s`),
    queue !== undefined && svg("text", { x: down ? x + 8 : x, y: down ? y + 12 : y + 16, class: `queue${down ? " beside" : ""}${waiting ? " waiting" : ""}` }, `queue ${number(queue)}`),
  ]; // prettier-ignore
  return svg("g", { class: "edge" }, line, ...texts);
}

const tip = () =>
  svg("defs", {}, svg("marker", { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" },
    svg("path", { d: "M0 0L8 4L0 8z", class: "tip" }))); // prettier-ignore

/** Describes the graph in words, for screen readers. */
function words(stages: readonly StageState[], busiest: StageState | undefined): string {
  const each = stages.map(({ name, rate, queue, seconds: time }) => `${name} ${number(rate)} batches/s, queue ${number(queue)}, ${seconds(time)} a batch`); // prettier-ignore
  return `${each.join("; ")}.${busiest ? ` Slowest: ${busiest.name}, at work ${Math.round(100 * busiest.busy)}% of the time.` : ""}`;
}

/** Which of the nodes this is, counted from 0 as on the command line. */
function place(last: (name: string) => number | undefined): string {
  const [rank, nodes] = [last("exchange/rank"), last("exchange/nodes")];
  return rank === undefined || nodes === undefined ? "" : ` This node has rank ${rank}; there are ${nodes}.`;
}

/** Stages as boxes, and on every edge the batches/s that pass and how many wait at its end. */
export function graphView(model: Model) {
  const graph = h("div", { class: "graph" });
  const note = h("p", { class: "note" });
  const element = card("pipeline", "Pipeline", graph, note);
  element.hidden = true;

  const update = () => {
    const { node } = model;
    const last = (name: string) => node?.series.get(name)?.last;
    const now = stagesIn(node?.series.keys() ?? [], last, stagesOfPhase(node?.state?.phase));
    const evaluates = now.length > 0 && stagesOfPhase(node?.state?.phase) !== stagesOfPhase(undefined);
    const stages = evaluates ? now : withExchange(stagesIn(node?.series.keys() ?? [], last), last);
    element.hidden = stages.length === 0;
    if (!node || stages.length === 0) return;
    const busiest = slowest(stages);
    const rest = evaluates ? undefined : elsewhere(stages, last("train/seconds_per_step"));
    const ends = evaluates ? (["images", "values"] as const) : (["batches", "steps"] as const);
    const all: (StageState | string)[] = [ends[0], ...stages, ...(rest ? [rest] : []), ends[1]];
    const { boxes, edges, width, height } = layoutChain(all.length, graph.clientWidth - 2 * MARGIN, BOX);
    const rateOf = (stage: StageState | string | undefined) => (typeof stage === "object" ? stage.rate : undefined);
    const drawn = svg("svg", { viewBox: `${-MARGIN} ${-2 * MARGIN} ${width + 2 * MARGIN} ${height + 3 * MARGIN}`, width: width + 2 * MARGIN, height: height + 3 * MARGIN, role: "img", "aria-label": `Pipeline: ${words(stages, busiest)}` },
      tip(),
      ...edges.map((edge, i) => {
        const next = all[i + 1];
        // Batches come to the first stage as fast as they leave it.
        return arrow(edge, rateOf(i === 0 ? next : all[i]), typeof next === "object" ? next.queue : undefined);
      }),
      ...all.map((stage, i) => box(stage, boxes[i]!, stage === busiest)),
    ); // prettier-ignore
    graph.replaceChildren(drawn);
    setText(note, `${isolated(node.run)}, step ${node.step.toLocaleString("en")}: on an edge the batches that pass in a second and those that wait; in a box the time at work on one batch, and the part of the time it is at work.${place(last)}`); // prettier-ignore
  };
  new ResizeObserver(update).observe(graph);
  return { element, update };
}
