/** The remarks on the run whose details are shown. */
import { h, setText } from "./dom.ts";
import { COLOUR_NAMES, DASH_NAMES } from "./looks.ts";
import type { Model } from "./model.ts";
import { setRemark } from "./remarks.ts";

/** @param changed Told when something else is to be drawn. */
export function remarksView(model: Model, changed: () => void) {
  const set = (part: Record<string, unknown>) => {
    if (model.focus !== undefined) setRemark(model.remarks, model.focus, part, localStorage);
    changed();
  };
  const choice = (id: string, names: readonly string[], act: (place: number | undefined) => void) => {
    const select = h("select", { id, onchange: () => act(select.value === "" ? undefined : Number(select.value)) });
    select.append(...["as it comes", ...names].map((name, i) => h("option", { value: i === 0 ? "" : i - 1 }, name)));
    return select;
  };
  const colour = choice("run-colour", COLOUR_NAMES, (place) => set({ colour: place }));
  const dash = choice("run-dash", DASH_NAMES, (place) => set({ dash: place }));
  const note = h("input", { id: "run-note", maxlength: 500, onchange: () => set({ note: note.value }) });
  const tags = h("input", { id: "run-tags", maxlength: 200, onchange: () => set({ tags: tags.value }) });
  const name = h("bdi");
  const element = h(
    "div",
    { class: "controls remarks", role: "group", "aria-label": "remarks on the run of the details" },
    name,
    h("label", { for: "run-colour" }, "Colour", colour),
    h("label", { for: "run-dash" }, "Stroke", dash),
    h("label", { for: "run-tags" }, "Tags", tags),
    h("label", { for: "run-note" }, "Note", note),
  );
  return {
    element,
    update(): void {
      const remark = model.remarks.get(model.focus ?? "") ?? {};
      element.hidden = model.focus === undefined;
      setText(name, model.focus ?? "");
      colour.value = String(remark.colour ?? "");
      dash.value = String(remark.dash ?? "");
      // What is being written stays.
      if (document.activeElement !== note) note.value = remark.note ?? "";
      if (document.activeElement !== tags) tags.value = remark.tags ?? "";
    },
  };
}
