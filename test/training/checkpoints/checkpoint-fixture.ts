/** A small checkpoint, whose values are no two alike. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { layoutOf, type ParameterLayout } from "../../../src/models/parameters.ts";
import type { Snapshot } from "../../../src/training/train-state.ts";
import { fieldsOf, type StoredCheckpoint } from "../../../src/training/checkpoints/reference-fields.ts";

export const SHAPES = { "Conv_0/bias": [2], "Conv_0/kernel": [3, 3, 1, 2], "Dense_0/kernel": [5, 4] };

export const layoutWith = (shapes: Readonly<Record<string, readonly number[]>>): ParameterLayout =>
  layoutOf(Object.entries(shapes).map(([name, shape]) => ({ name, shape, init: { kind: "zeros" } })));

export function snapshotOf(layout: ParameterLayout, step = 7): Snapshot {
  const vector = (start: number) => {
    const flat = new Float32Array(layout.length);
    for (const { offset, size } of layout.slots) {
      for (let i = offset; i < offset + size; i++) flat[i] = start + i / 1024;
    }
    return flat;
  };
  return { step, parameters: vector(1), m: vector(2), v: vector(3), ema: vector(4) };
}

export function storedCheckpoint(config?: unknown): StoredCheckpoint {
  const layout = layoutWith(SHAPES);
  const stored = { layout, snapshot: snapshotOf(layout), fields: fieldsOf(7, { lr: 1e-3, emaRate: 0.5, seed: 9 }) };
  return config === undefined ? stored : { ...stored, config };
}

/** A path in a folder that is removed after the test. */
export function temporaryFile(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), "scorestream-checkpoint-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, name);
}
