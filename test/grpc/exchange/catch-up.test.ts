import { describe, expect, it } from "vitest";
import { fetched, toSnapshot, vectorsToFetch } from "../../../src/grpc/exchange/catch-up.ts";
import { SharedSnapshot } from "../../../src/grpc/exchange/shared-snapshot.ts";
import type { StepSum } from "../../../src/training/peers.ts";
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

describe("a sum that a node fetches", () => {
  const own = { runId: "a", id: 1 };
  const state = { step: 6, snapshot: () => plain };
  const last = { step: 5, sum: Float32Array.of(1, 2, 3), t: vector(4), loss: vector(5) };
  const fetch = (request: object, sum?: StepSum) =>
    fetched({ runId: "a", what: "SUM", step: 5, ...request }, own, state, new SharedSnapshot(state), sum);

  it("stays as it was when its memory is used for the next one", () => {
    const { vectors } = fetch({}, last);
    last.sum.fill(9);
    expect(vectors.map(({ name, values }) => [name, ...values])).toEqual([
      ["sum", 1, 2, 3],
      ["t", 4, 4, 4],
      ["loss", 5, 5, 5],
    ]);
  });

  it("is refused where it is of another step or run, or not there", () => {
    expect(() => fetch({ step: 4 }, last)).toThrow("step: the sum of 4 was asked for, this node has that of 5");
    expect(() => fetch({ runId: "b" }, last)).toThrow("run_id: b is another run");
    expect(() => fetch({})).toThrow("step: the sum of 5 was asked for");
  });
});
