/** The remarks on a run, as they are written on the page. */
import { expect, it, vi } from "vitest";
import { Model } from "../../../../src/monitor/web/page/model.ts";
import { readRemarks } from "../../../../src/monitor/web/page/remarks.ts";
import { remarksView } from "../../../../src/monitor/web/page/remarks-view.ts";
import { enter, find, shown, tell, texts, usePage } from "./fixture.ts";

usePage();

function remarks() {
  const model = new Model();
  const changed = vi.fn();
  const view = remarksView(model, changed);
  shown(view.element);
  const field = (name: string) => find(view.element, `#run-${name}`);
  const values = () => ["colour", "dash", "tags", "note"].map((name) => field(name).value);
  return { ...view, model, changed, field, values };
}

it("is hidden and keeps nothing while there is no run", () => {
  const { element, update, field, model } = remarks();
  update();
  expect([element.hidden, find(element, "bdi").textContent]).toEqual([true, ""]);
  enter(field("note"), "of nothing");
  expect([model.remarks.size, localStorage.length]).toEqual([0, 0]);
});

it("keeps what is written of the looked-at run in this browser, part by part", () => {
  const { element, update, field, model, changed } = remarks();
  tell(model, "a", { x: 1 });
  update();
  expect([element.hidden, find(element, "bdi").textContent]).toEqual([false, "a"]);
  enter(field("note"), "warm start");
  enter(field("tags"), "good");
  enter(field("colour"), "6");
  enter(field("dash"), "0");
  const kept = { note: "warm start", tags: "good", colour: 6, dash: 0 };
  expect([model.remarks.get("a"), readRemarks(localStorage).get("a")]).toEqual([kept, kept]);
  enter(field("colour"), "");
  enter(field("note"), "");
  expect(model.remarks.get("a")).toEqual({ tags: "good", dash: 0 });
  expect(changed).toHaveBeenCalledTimes(6);
});

it("shows the remarks of the run that is looked at, and nothing of another's", () => {
  const { update, values, model } = remarks();
  tell(model, "a", { x: 1 });
  tell(model, "b", { x: 1 });
  model.remarks.set("a", { note: "mine", tags: "t", colour: 0, dash: 3 });
  update();
  expect(values()).toEqual(["0", "3", "t", "mine"]);
  model.choose(model.store.nodes("b")[0]!);
  update();
  expect(values()).toEqual(["", "", "", ""]);
});

it("offers every colour and stroke by name, and none", () => {
  const { element } = remarks();
  expect(texts(element, "#run-colour option")).toEqual(["as it comes", "blue", "orange", "green", "purple", "gold", "teal", "red", "grey"]); // prettier-ignore
  const values = [...element.querySelectorAll<HTMLOptionElement>("#run-dash option")].map(({ value }) => value);
  expect(values).toEqual(["", "0", "1", "2", "3"]);
  expect(texts(element, "#run-dash option")).toEqual(["as it comes", "solid", "dashed", "dotted", "dash and dot"]);
});

it.each(["note", "tags"])("does not overwrite the %s that is being written, but the other", (name) => {
  const { update, field, model } = remarks();
  const other = name === "note" ? "tags" : "note";
  tell(model, "a", { x: 1 });
  model.remarks.set("a", { note: "kept", tags: "kept" });
  const [mine, beside] = [field(name), field(other)];
  mine.focus();
  mine.value = "half a";
  beside.value = "old";
  update();
  expect([mine.value, beside.value, document.activeElement === mine]).toEqual(["half a", "kept", true]);
  mine.blur();
  update();
  expect(mine.value).toBe("kept");
});
