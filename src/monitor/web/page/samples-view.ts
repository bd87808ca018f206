/** Grids of samples, the newest and those before it. */
import type { SampleGrid } from "../run-files.ts";
import { sampleAddress } from "./api.ts";
import { card, h, setText } from "./dom.ts";

const steps = ({ step, name }: SampleGrid) => (step === undefined ? name : `step ${step.toLocaleString("en")}`);

export function samplesView() {
  const image = h("img", { class: "grid", alt: "" });
  const slider = h("input", { type: "range", id: "sample", min: 0, max: 0, step: 1, value: 0 });
  const name = h("output", { for: "sample" });
  const control = h("label", { for: "sample", class: "slider" }, "History", slider, name);
  const none = h("p", { class: "note" }, "No grid of images yet: one is written when the run samples.");
  const element = card("samples", "Samples", image, control, none);
  let grids: readonly SampleGrid[] = [];
  let run = "";

  const show = () => {
    const grid = grids[Number(slider.value)];
    image.hidden = control.hidden = grid === undefined;
    none.hidden = grid !== undefined;
    if (!grid) return;
    const address = sampleAddress(run, grid.name, grid.modified);
    if (image.getAttribute("src") !== address) image.src = address;
    image.alt = `grid of samples, ${steps(grid)}`;
    setText(name, `${steps(grid)} (${Number(slider.value) + 1} of ${grids.length})`);
  };
  slider.addEventListener("input", show);

  return {
    element,
    update(of: string, found: readonly SampleGrid[]): void {
      // A user who looks at the newest grid keeps looking at the newest.
      const newest = of !== run || Number(slider.value) >= grids.length - 1;
      grids = found;
      run = of;
      slider.max = String(Math.max(0, grids.length - 1));
      if (newest) slider.value = slider.max;
      slider.disabled = grids.length < 2;
      show();
    },
  };
}
