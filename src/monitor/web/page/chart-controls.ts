/** The choices that all charts follow. */
import { AXES, AXIS_NAMES, type AxisKind } from "./axis.ts";
import { h, setText } from "./dom.ts";
import type { Model } from "./model.ts";

/** @param changed Told when all is to be drawn again. */
export function chartControls(model: Model, changed: () => void) {
  const set = (part: Partial<Model["view"]>) => {
    model.view = { ...model.view, ...part };
    changed();
  };
  const axis = h("select", { id: "axis", onchange: () => set({ axis: axis.value as AxisKind, zoom: undefined }) });
  axis.append(...AXES.map((name) => h("option", { value: name }, AXIS_NAMES[name])));
  const log = h("input", { type: "checkbox", id: "log-scale", onchange: () => set({ log: log.checked }) });
  const outliers = h("input", {
    type: "checkbox",
    id: "outliers",
    onchange: () => set({ outliers: outliers.checked }),
  });
  const weight = h("output", { for: "smoothing" }, "0");
  const smoothing = h("input", { type: "range", id: "smoothing", min: 0, max: 0.99, step: 0.01, value: 0, oninput: () => set({ smoothing: Number(smoothing.value) }) }); // prettier-ignore
  const reset = h("button", { type: "button", class: "quiet", id: "reset", onclick: () => set({ zoom: undefined }) }, "Reset zoom"); // prettier-ignore
  const element = h(
    "div",
    { class: "controls", role: "group", "aria-label": "all charts" },
    h("label", { for: "axis" }, "Axis", axis),
    h("label", { class: "switch", for: "log-scale" }, log, "Log scale"),
    h("label", { class: "switch", for: "outliers" }, outliers, "Outliers"),
    h("label", { for: "smoothing" }, "Smoothing", smoothing, weight),
    reset,
  );
  return {
    element,
    set,
    update(): void {
      const { view } = model;
      axis.value = view.axis;
      log.checked = view.log;
      outliers.checked = view.outliers;
      if (Number(smoothing.value) !== view.smoothing) smoothing.value = String(view.smoothing);
      setText(weight, view.smoothing.toFixed(2));
      reset.disabled = view.zoom === undefined;
    },
  };
}
