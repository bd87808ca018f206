/** The page: puts its parts together, and keeps them up to date. */
import { chartsView } from "./charts-view.ts";
import type { ConnectionState } from "./connection.ts";
import { h, isolated, setText } from "./dom.ts";
import { filesView } from "./files-view.ts";
import { graphView } from "./graph-view.ts";
import { machineView } from "./machine-view.ts";
import { Model } from "./model.ts";
import { noiseView } from "./noise-view.ts";
import { pacer } from "./pacer.ts";
import { readRemarks } from "./remarks.ts";
import { runsView } from "./runs-view.ts";
import { themeSwitch } from "./theme.ts";
import { stateNow } from "./node-state.ts";
import { phaseView, PHASE_NAMES, shortState } from "./phase-view.ts";
import { followFeed } from "./shared-feed.ts";
import { tilesView } from "./tiles-view.ts";
import { viewSync } from "./view-sync.ts";

const STATES: Readonly<Record<ConnectionState, string>> = {
  connecting: "connecting",
  live: "live",
  ended: "the run has ended",
  lost: "no connection, trying again",
};

/** The end by what the run told last. */
const ENDS = { finished: "the run has finished", stopped: "the run was stopped", failed: "the run has failed" };

const model = new Model();
model.remarks = readRemarks(localStorage);

/** The connection's state, or that of a run that is over or lost. */
function stateText(): readonly [state: string, text: string] {
  const { connection, node } = model;
  const phase = (node && stateNow(node, model.now()))?.phase;
  if (connection !== "live" && connection !== "ended") return [connection, STATES[connection]];
  if (phase === "finished" || phase === "stopped" || phase === "failed") return [phase, ENDS[phase]];
  return connection === "live" && phase !== undefined ? [phase, PHASE_NAMES[phase]] : [connection, STATES[connection]];
}

const { later, soon } = pacer(draw);

const address = viewSync(model, () => soon());
const tiles = tilesView();
const phase = phaseView(model);
const runs = runsView(model, () => {
  soon();
  files.refresh();
});
const charts = chartsView(model, soon);
const graph = graphView(model);
const noise = noiseView(model);
const machine = machineView(model);
const files = filesView(model, later, () => feed.check());
runs.element.append(files.deletion);
const state = h("span", { class: "state", role: "status", "aria-live": "polite" });
const title = h("bdi", { class: "run" });

function draw(): void {
  const { focus } = model;
  setText(title, focus ?? "");
  tiles.update(model);
  tick();
  charts.update();
  graph.update();
  address.write();
  noise.update();
  machine.update();
}

/** Redraws the parts that change without metrics. */
function tick(): void {
  const { focus, node } = model;
  const now = node && stateNow(node, model.now());
  document.title = [now && shortState(now), focus === undefined ? undefined : isolated(focus), "ScoreStream"].filter(Boolean).join(" · "); // prettier-ignore
  const [kind, text] = stateText();
  state.dataset["state"] = kind;
  setText(state, text);
  phase.update();
  runs.update();
}

const recolour = () => {
  charts.recolour();
  noise.update();
};

document.body.append(
  h("header", {}, h("img", { src: "icon.svg", alt: "", width: 24, height: 24 }), h("h1", {}, "ScoreStream"), title, state, h("span", { class: "space" }), files.report, themeSwitch(recolour)), // prettier-ignore
  h("main", {}, phase.element, tiles.element, runs.element, charts.element, noise.element, graph.element, machine.element, files.element), // prettier-ignore
);
const feed = followFeed({
  record(record) {
    model.store.take(record);
    files.refresh();
    later();
  },
  places: () => model.store.places(),
  frame(frame) {
    const known = model.runs.includes(frame.run);
    model.store.add(frame, model.now());
    if (!known) files.refresh();
    later();
  },
  state(next) {
    model.connection = next;
    // The last files of a run come with its end.
    if (next === "ended") files.refresh();
    later();
  },
  clock(ahead) {
    model.ahead = ahead;
  },
  gone(runs) {
    model.drop(runs);
    soon();
  },
});
setInterval(tick, 1000);
draw();
