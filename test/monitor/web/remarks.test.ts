/** What a person says of runs. */
import { expect, it } from "vitest";
import { readRemarks, setRemark, type Shelf } from "../../../src/monitor/web/page/remarks.ts";

function shelf(text?: string): Shelf & { text: string | undefined } {
  const kept = {
    text,
    getItem: () => kept.text ?? null,
    setItem: (_: string, value: string) => void (kept.text = value),
  };
  return kept;
}

it("remarks are kept by run, part by part, and gone when nothing is left of them", () => {
  const place = shelf();
  const remarks = readRemarks(place);
  setRemark(remarks, "a", { colour: 3 }, place);
  setRemark(remarks, "a", { note: "best so far", dash: 1 }, place);
  setRemark(remarks, "b", { tags: "x y" }, place);
  expect([...readRemarks(place)]).toEqual([["a", { colour: 3, dash: 1, note: "best so far" }], ["b", { tags: "x y" }]]); // prettier-ignore
  setRemark(remarks, "b", { tags: "" }, place);
  setRemark(remarks, "a", { colour: undefined }, place);
  expect([...readRemarks(place)]).toEqual([["a", { dash: 1, note: "best so far" }]]);
});

it("what is not well is left out", () => {
  expect([...readRemarks(shelf('{"a": {"colour": 8, "dash": -1, "note": 5, "tags": "t"}, "b": null}'))]).toEqual([["a", { tags: "t" }], ["b", {}]]); // prettier-ignore
  expect([readRemarks(shelf("no JSON")).size, readRemarks(shelf("null")).size]).toEqual([0, 0]);
});
