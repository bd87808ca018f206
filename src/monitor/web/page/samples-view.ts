/** Grids of samples, the newest and those before it: of the averaged parameters, and of those as they are by the same noise. */
import type { SampleGrid } from "../run-files.ts";
import { sampleAddress } from "./api.ts";
import { card, h, setText } from "./dom.ts";

const steps = ({ step, name }: SampleGrid) => (step === undefined ? name : `step ${step.toLocaleString("en")}`);

/** A grid with its name below. */
export function gridFigure(title: string) {
  const image = h("img", { class: "grid", alt: "" });
  const caption = h("figcaption", {}, title);
  return {
    element: h("figure", { class: "samples" }, image, caption),
    /** Shows a grid of a run; undefined: none. */
    show(run: string, grid: SampleGrid | undefined): void {
      image.hidden = grid === undefined;
      if (!grid) return;
      const address = sampleAddress(run, grid.name, grid.modified);
      if (image.getAttribute("src") !== address) image.src = address;
      image.alt = `grid of samples, ${title}, ${steps(grid)}`;
    },
  };
}

export function samplesView() {
  const [averaged, raw] = [gridFigure("averaged parameters"), gridFigure("raw parameters, same noise")];
  const pair = h("div", { class: "grids" }, averaged.element, raw.element);
  const slider = h("input", { type: "range", id: "sample", min: 0, max: 0, step: 1, value: 0 });
  const name = h("output", { for: "sample" });
  const control = h("label", { for: "sample", class: "slider" }, "History", slider, name);
  const none = h("p", { class: "note" }, "No grid of images yet: one is written when the run samples.");
  const element = card("samples", "Samples", pair, control, none);
  let grids: readonly SampleGrid[] = [];
  let raws: readonly SampleGrid[] = [];
  let run = "";

  const show = () => {
    const grid = grids[Number(slider.value)];
    pair.hidden = control.hidden = grid === undefined;
    none.hidden = grid !== undefined;
    if (!grid) return;
    const beside = raws.find(({ step }) => step === grid.step);
    averaged.show(run, grid);
    raw.show(run, beside);
    raw.element.hidden = beside === undefined;
    setText(name, `${steps(grid)} (${Number(slider.value) + 1} of ${grids.length})`);
  };
  slider.addEventListener("input", show);

  return {
    element,
    update(of: string, found: readonly SampleGrid[]): void {
      // A user who looks at the newest grid keeps looking at the newest.
      const newest = of !== run || Number(slider.value) >= grids.length - 1;
      grids = found.filter(({ kind }) => kind === "samples");
      raws = found.filter(({ kind }) => kind === "raw");
      run = of;
      slider.max = String(Math.max(0, grids.length - 1));
      if (newest) slider.value = slider.max;
      slider.disabled = grids.length < 2;
      show();
    },
  };
}
