import { describe, expect, it } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import { assignmentsOf, cellsOf, parseAxis } from "../../../src/run/sweep/axes.ts";

describe("parseAxis", () => {
  it.each([
    ["sde=vp,subvp", "sde", ["vp", "subvp"]],
    ["seed=1..3", "seed", ["1", "2", "3"]],
    ["seed=-1..1,7", "seed", ["-1", "0", "1", "7"]],
    ["optim.lr = 1e-3, 2e-4", "optim.lr", ["1e-3", "2e-4"]],
    ["model.chMult=[1,2],[1,1,2]", "model.chMult", ["1,2", "1,1,2"]],
  ])("reads %s", (text, field, values) => {
    expect(parseAxis(text)).toEqual({ field, values });
  });

  it.each([
    ["seed", /no "field=values"/],
    ["seed=3..1", /the range 3\.\.1 is empty/],
    ["seed=", /a value is empty/],
    ["sde=vp,,ve", /a value is empty/],
    ["seed=1..3,2", /2 appears twice/],
    ["seed=1..1000000", /too many/],
  ])("refuses %s", (text, message) => {
    expect(() => parseAxis(text)).toThrow(UsageError);
    expect(() => parseAxis(text)).toThrow(message);
  });
});

describe("cellsOf", () => {
  it("has every combination once, the last axis fastest", () => {
    const cells = cellsOf([parseAxis("training.shards=2,4"), parseAxis("seed=1..2")]);
    expect(cells.map(({ name }) => name)).toEqual([
      "shards=2,seed=1",
      "shards=2,seed=2",
      "shards=4,seed=1",
      "shards=4,seed=2",
    ]);
    expect(assignmentsOf(cells[2]!)).toEqual([
      { name: "training.shards", text: "4" },
      { name: "seed", text: "1" },
    ]);
  });

  it("gives folders names that any file system takes", () => {
    expect(cellsOf([{ field: "data.path", values: ["/a b/c"] }])[0]!.name).toBe("path=_a_b_c");
  });

  it.each([
    [["seed=1", "seed=2"], /two axes have this field/],
    [["data.path=a/b,a_b"], /two runs would have the folder path=a_b/],
    [["seed=1..200", "training.steps=1..200"], /40000 runs are too many/],
  ])("refuses %s", (texts, message) => {
    expect(() => cellsOf(texts.map(parseAxis))).toThrow(message);
  });
});
