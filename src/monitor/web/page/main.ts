/** The page: puts its parts together, and keeps them up to date. */
import { chartsView } from "./charts-view.ts";
import { connect, type ConnectionState } from "./connection.ts";
import { h, setText } from "./dom.ts";
import { filesView } from "./files-view.ts";
import { graphView } from "./graph-view.ts";
import { Model } from "./model.ts";
import { nodesView } from "./nodes-view.ts";
import { themeSwitch } from "./theme.ts";
import { tilesView } from "./tiles-view.ts";

/** ms between drawings, however fast metrics come. */
const PACE = 150;

const STATES: Readonly<Record<ConnectionState, string>> = {
  connecting: "connecting",
  live: "live",
  ended: "the run has ended",
  lost: "no connection, trying again",
};

const model = new Model();
let due = false;
/** Draws soon; what comes meanwhile is in the same drawing. */
function changed(): void {
  if (due) return;
  due = true;
  setTimeout(() => requestAnimationFrame(draw), PACE);
}

const tiles = tilesView();
const nodes = nodesView(model, () => {
  changed();
  files.refresh();
});
const charts = chartsView(model, changed);
const graph = graphView(model);
const files = filesView(model, changed);
const state = h("span", { class: "state", role: "status", "aria-live": "polite" });
const title = h("span", { class: "run" });

function draw(): void {
  due = false;
  const { focus } = model;
  setText(title, focus ?? "");
  document.title = focus === undefined ? "ScoreStream" : `${focus} · ScoreStream`;
  state.dataset["state"] = model.connection;
  setText(state, STATES[model.connection]);
  tiles.update(model);
  nodes.update();
  charts.update();
  graph.update();
}

document.body.append(
  h("header", {}, h("img", { src: "/icon.svg", alt: "", width: 24, height: 24 }), h("h1", {}, "ScoreStream"), title, state, h("span", { class: "space" }), files.report, themeSwitch(() => charts.recolour())), // prettier-ignore
  h("main", {}, tiles.element, nodes.element, charts.element, graph.element, files.element), // prettier-ignore
);
connect({
  places: () => model.store.places(),
  frame(frame) {
    const known = model.runs.includes(frame.run);
    model.store.add(frame);
    if (!known) files.refresh();
    changed();
  },
  state(next) {
    model.connection = next;
    // The last files of a run come with its end.
    if (next === "ended") files.refresh();
    changed();
  },
  clock(ahead) {
    model.ahead = ahead;
  },
});
// Delays grow without metrics.
setInterval(() => nodes.update(), 1000);
draw();
