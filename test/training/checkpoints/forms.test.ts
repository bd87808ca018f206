/** Checkpoints of every version, in files that the version of the time wrote. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { readRunCheckpoint } from "../../../src/training/checkpoints/checkpoint.ts";
import { layoutWith, SHAPES, snapshotOf, temporaryFile } from "./checkpoint-fixture.ts";

const layout = layoutWith(SHAPES);
const written = (form: number) => fileURLToPath(new URL(`fixtures/form-${form}.arrow`, import.meta.url));

/** The same in every version, from `start` on. */
function vector(start: number): Float32Array {
  const flat = new Float32Array(layout.length);
  for (const { offset, size } of layout.slots) {
    for (let i = offset; i < offset + size; i++) flat[i] = start + i / 1024;
  }
  return flat;
}

const outer = { outer: vector(5) };
const averages = new Map([
  [0.5, vector(6)],
  [0.99, vector(7)],
]);

it.each([
  [1, {}],
  [2, outer],
  [3, { ...outer, averages }],
])("form %i is read as it was written", (form, more) => {
  const { snapshot, config } = readRunCheckpoint(written(form), layout);
  expect(snapshot).toEqual({ ...snapshotOf(layout), ...more });
  expect(JSON.parse(config)).toEqual({ seed: 1 });
});

it("a form to come is not called damaged", () => {
  const path = temporaryFile("checkpoint_7.arrow");
  const bytes = readFileSync(written(1));
  bytes.write("scorestream-checkpoint-9", bytes.indexOf("scorestream-checkpoint-1"));
  writeFileSync(path, bytes);
  expect(() => readRunCheckpoint(path, layout)).toThrow(
    /a later version wrote it \(scorestream-checkpoint-9\); this one reads up to scorestream-checkpoint-3\n {2}remedy: use the version/,
  );
});
