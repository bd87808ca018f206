/** Grids of one step of all runs that are drawn, side by side. */
import type { GridKind, SampleGrid } from "../run-files.ts";
import { runFiles } from "./api.ts";
import { gridAt, gridSteps } from "./across.ts";
import { card, h, setText } from "./dom.ts";
import { swatch } from "./looks.ts";
import type { Model } from "./model.ts";
import { arrange } from "./order.ts";
import { gridFigure } from "./samples-view.ts";

/** Runs side by side at most. */
const MOST = 24;
const KINDS: Readonly<Record<GridKind, string>> = {
  samples: "averaged parameters",
  raw: "raw parameters",
  nearest: "nearest training images",
};

function runFigure() {
  const grid = gridFigure("");
  const [mark, name, note] = [h("span"), h("bdi"), h("span", { class: "note" })];
  grid.element.querySelector("figcaption")!.replaceChildren(mark, name, " ", note);
  return { ...grid, mark, name, note };
}

/** Asks for the grids only while it is open. */
export function acrossView(model: Model) {
  const step = h("select", { id: "across-step", onchange: () => draw() });
  const kind = h("select", { id: "across-kind", onchange: () => draw() });
  kind.append(...Object.entries(KINDS).map(([value, text]) => h("option", { value }, text)));
  const more = h("span", { class: "note" });
  const controls = h("div", { class: "controls" }, h("label", { for: "across-step" }, "Step", step), h("label", { for: "across-kind" }, "Of", kind), more); // prettier-ignore
  const body = h("div", { class: "across" });
  const details = h("details", { class: "more", ontoggle: () => void look() }, h("summary", {}, "Runs side by side"), controls, body); // prettier-ignore
  const element = card("across", "Samples across runs", details);
  element.hidden = true;
  const found = new Map<string, readonly SampleGrid[]>();
  const figures = new Map<string, ReturnType<typeof runFigure>>();

  /** Runs that are drawn, each once. */
  const drawn = () => [...new Set(model.shown().map(({ run }) => run))];
  const hasGrids = (run: string) => (found.get(run)?.length ?? 0) > 0;
  const draw = () => {
    const withGrids = drawn().filter(hasGrids);
    const runs = withGrids.slice(0, MOST);
    const steps = gridSteps(runs.map((run) => found.get(run)!));
    const options = ["", ...steps.map(String)];
    if (options.join() !== [...step.options].map(({ value }) => value).join()) {
      const { value } = step;
      step.replaceChildren(...options.map((text) => h("option", { value: text }, text === "" ? "the newest of each" : Number(text).toLocaleString("en")))); // prettier-ignore
      step.value = options.includes(value) ? value : "";
    }
    const wanted = runs.map((run) => {
      const figure = figures.get(run) ?? runFigure();
      figures.set(run, figure);
      const grid = gridAt(found.get(run)!, kind.value as GridKind, step.value === "" ? undefined : Number(step.value));
      figure.show(run, grid);
      figure.mark.replaceChildren(swatch(model.look(model.store.nodes(run)[0]!)));
      setText(figure.name, run);
      setText(figure.note, grid ? `step ${grid.step?.toLocaleString("en") ?? "?"}` : "no such grid");
      return figure.element;
    });
    arrange(body, wanted);
    setText(more, runs.length === 0 ? "No run that is drawn has grids here." : withGrids.length > MOST ? `These are the first ${MOST} runs that are drawn and have grids.` : ""); // prettier-ignore
  };
  const look = async () => {
    element.hidden = drawn().length < 2;
    if (element.hidden || !details.open) return;
    const ask = async (run: string) => found.set(run, (await runFiles(run))?.files?.samples ?? found.get(run) ?? []);
    // Until there are enough: many runs have no grids.
    const all = drawn();
    for (let at = 0; at < all.length && all.slice(0, at).filter(hasGrids).length <= MOST; at += MOST)
      await Promise.all(all.slice(at, at + MOST).map(ask));
    draw();
  };
  return { element, look };
}
