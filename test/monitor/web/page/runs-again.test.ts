/** A run of the table whose record is deleted, and which goes on. */
import { expect, it } from "vitest";
import { Model } from "../../../../src/monitor/web/page/model.ts";
import { runsView } from "../../../../src/monitor/web/page/runs-view.ts";
import { enter, find, shown, tell, usePage } from "./fixture.ts";

usePage();

it("is shown anew", () => {
  const model = new Model();
  const view = runsView(model, () => view.update());
  const body = find(shown(view.element), "tbody");
  for (const run of ["a", "b"]) tell(model, run, { "train/loss": 1 }, { step: 1 });
  view.update();
  model.drop(["b"]);
  tell(model, "b", { "train/loss": 0.125 }, { step: 1600 });
  view.update();
  const row = body.children[1] as HTMLElement;
  expect([find(row, ".step").textContent, find(row, ".last").textContent]).toEqual(["1,600", "0.125"]);
  enter(find(row, "[type=checkbox]"), false);
  expect([model.shown().length, find(row, "[type=checkbox]").checked]).toEqual([1, false]);
});
