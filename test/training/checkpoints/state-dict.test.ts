/** The reference's training state, read without a model. */
import { describe, expect, it } from "vitest";
import { namedArray, type NamedArray } from "../../../src/data/formats/named-array.ts";
import { fromStateDict, toStateDict } from "../../../src/training/checkpoints/state-dict.ts";
import { layoutWith, SHAPES, snapshotOf, storedCheckpoint } from "./checkpoint-fixture.ts";

const floats = (size: number): NamedArray => namedArray("F32", [size], new Float32Array(size));

/** The refusal of a good state after a change. */
function refusalAfter(change: (dict: Map<string, NamedArray | null>) => void): string {
  const dict = new Map(toStateDict(storedCheckpoint()));
  change(dict);
  try {
    fromStateDict("a.flax", dict);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("it was read");
}

describe("a state without a model", () => {
  it("has its parameters in the order of their names, whatever their order in the file", () => {
    const reversed = new Map([...toStateDict(storedCheckpoint())].reverse());
    const { layout, snapshot } = fromStateDict("a.flax", reversed);
    expect(layout).toEqual(layoutWith(SHAPES));
    expect(layout.slots.map(({ name }) => name)).toEqual(["Conv_0/bias", "Conv_0/kernel", "Dense_0/kernel"]);
    expect(snapshot).toEqual(snapshotOf(layout));
  });

  it.each(["optimizer/state/param_states/Conv_0/bias/grad_ema", "params_ema/Conv_0/bias"])(
    "is expected to have the parameters' own shapes in %s",
    (name) => {
      expect(refusalAfter((dict) => dict.set(name, floats(3)))).toBe(
        `checkpoint a.flax is not whole:\n  ${name}: [3] in the file, [2] is expected\n  remedy: get the file again, or give another one`,
      );
    },
  );

  it("is not whole without parameters, or with an empty branch", () => {
    const none = refusalAfter((dict) => {
      for (const name of dict.keys()) if (name.includes("/kernel") || name.includes("/bias")) dict.delete(name);
    });
    expect(none).toContain("is not whole:\n  there are no parameters\n");
    expect(refusalAfter((dict) => dict.set("extra", null))).toContain("\n  extra: nothing is in it\n");
  });
});
