import { describe, expect, it } from "vitest";
import { fetched, toSnapshot, vectorsToFetch } from "../../../src/grpc/exchange/catch-up.ts";
import { SharedSnapshot } from "../../../src/grpc/exchange/shared-snapshot.ts";
import type { Snapshot } from "../../../src/training/train-state.ts";

const vector = (value: number) => new Float32Array(3).fill(value);
const plain: Snapshot = { step: 5, parameters: vector(1), m: vector(2), v: vector(3), ema: vector(4) };
const run = { shards: 2, shardSize: 4, parameters: 3, bfloat16: false };
const local = { every: 2, parameters: 3 };
const averages = [0.999, 0.5];
const further = new Map(averages.map((rate, i) => [rate, vector(6 + i)]));

describe("a state that a node takes over", () => {
  it.each([
    ["plain", run, plain],
    ["of local steps", { ...run, local }, { ...plain, outer: vector(5) }],
    ["with further averages", { ...run, averages }, { ...plain, averages: further }],
    ["with both", { ...run, local, averages }, { ...plain, outer: vector(5), averages: further }],
  ])("is the one that was given, %s", (_, shape, snapshot) => {
    const state = { step: 5, snapshot: () => snapshot };
    const request = { runId: "a", what: "STATE" as const, step: 5 };
    const { vectors } = fetched(request, { runId: "a", id: 1 }, state, new SharedSnapshot(state), undefined);
    const wanted = vectorsToFetch("STATE", shape).map(({ name, length }) => [name, length]);
    expect(vectors.map(({ name, values }) => [name, values.length])).toEqual(wanted);
    const values = vectors.map(({ values }) => values);
    expect(toSnapshot(5, shape, values)).toEqual(snapshot);
  });

  it("is told apart by its averages", () => {
    const hash = (snapshot: Snapshot) => new SharedSnapshot({ step: 5, snapshot: () => snapshot }).hash();
    expect(hash({ ...plain, averages: further })).not.toBe(hash(plain));
  });
});
