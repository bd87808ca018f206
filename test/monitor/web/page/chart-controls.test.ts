/** The choices that all charts follow, and what they are set to. */
import { expect, it, vi } from "vitest";
import { chartControls } from "../../../../src/monitor/web/page/chart-controls.ts";
import { Model } from "../../../../src/monitor/web/page/model.ts";
import { enter, find, shown, texts, usePage } from "./fixture.ts";

usePage();

function controls() {
  const model = new Model();
  const changed = vi.fn();
  const view = chartControls(model, changed);
  shown(view.element);
  view.update();
  return { ...view, model, changed, field: (id: string) => find(view.element, `#${id}`) };
}

it("begin with steps, a linear scale, no outliers, no smoothing and no zoom", () => {
  const { element, field } = controls();
  expect(texts(element, "#axis option")).toEqual(["step", "time since start", "time of day"]);
  expect([field("axis").value, field("log-scale").checked, field("outliers").checked, field("smoothing").value]).toEqual(["step", false, false, "0"]); // prettier-ignore
  expect([field("reset").disabled, find(element, "output").textContent]).toEqual([true, "0.00"]);
  expect(find(element, "output").getAttribute("for")).toBe("smoothing");
});

it.each([
  ["log-scale", true, "change", { log: true }],
  ["outliers", true, "change", { outliers: true }],
  ["smoothing", "0.5", "input", { smoothing: 0.5 }],
  ["axis", "wall", "change", { axis: "wall" }],
] as const)("set the view: %s", (id, value, type, part) => {
  const { model, field, changed } = controls();
  const before = model.view;
  enter(field(id), value, type);
  expect(model.view).toEqual({ ...before, ...part });
  expect(changed).toHaveBeenCalledOnce();
});

it("show a view that came from elsewhere, and can be switched off again", () => {
  const { model, element, field, update } = controls();
  model.view = { ...model.view, axis: "relative", log: true, outliers: true, smoothing: 0.25, zoom: [1, 2] };
  update();
  expect([field("axis").value, field("log-scale").checked, field("outliers").checked]).toEqual(["relative", true, true]); // prettier-ignore
  expect([field("smoothing").value, find(element, "output").textContent, field("reset").disabled]).toEqual(["0.25", "0.25", false]); // prettier-ignore
  enter(field("log-scale"), false);
  enter(field("outliers"), false);
  expect(model.view).toMatchObject({ log: false, outliers: false, smoothing: 0.25, zoom: [1, 2] });
});

it("take the zoom back, and with another axis too, whose places are others", () => {
  const { model, field, update, changed } = controls();
  model.view = { ...model.view, zoom: [1, 2] };
  update();
  field("reset").click();
  expect([model.view.zoom, changed.mock.calls.length]).toEqual([undefined, 1]);
  model.view = { ...model.view, zoom: [1, 2] };
  enter(field("axis"), "relative");
  expect(model.view).toMatchObject({ axis: "relative", zoom: undefined });
});

it("leave a slider alone that shows the value already", () => {
  const { field, update, model } = controls();
  const slider = field("smoothing");
  const set = vi.fn();
  Object.defineProperty(slider, "value", { configurable: true, get: () => "0.5", set });
  model.view = { ...model.view, smoothing: 0.5 };
  update();
  expect(set).not.toHaveBeenCalled();
});
