import { describe, expect, it } from "vitest";
import { findAdder } from "../../../src/engine/add-values.ts";
import { tf } from "../../../src/engine/tf.ts";
import { exchangeGroup, type GroupOptions } from "../../../src/grpc/exchange/group.ts";
import { CHUNK } from "../../../src/grpc/exchange/parcel.ts";
import { fromBfloat16, toBfloat16 } from "../../../src/ops/bfloat16.ts";
import { roundToInt8 } from "../../../src/ops/int8-blocks.ts";
import { subtreesOf, sumInOrder } from "../../../src/ops/sum-tree.ts";
import type { TrainState } from "../../../src/training/train-state.ts";

const SHARDS = 4;
const NODES = 3;
const STEPS = 2;
/** Each node's range has three pieces, the last of them short, and a third of it is no whole number of blocks of int8. */
const PARAMETERS = Math.ceil(NODES * 2.1 * CHUNK) + 100;

function remembered<T>(make: (...key: number[]) => T): (...key: number[]) => T {
  const made = new Map<string, T>();
  return (...key) => {
    const name = key.join("/");
    if (!made.has(name)) made.set(name, make(...key));
    return made.get(name)!;
  };
}

/** The gradient of a shard in a step: sums of them depend on the order. */
const gradientOf = remembered((step, shard) => {
  const values = new Float32Array(PARAMETERS);
  let bits = 1 + step! * SHARDS + shard!;
  for (let i = 0; i < PARAMETERS; i++) {
    bits = (Math.imul(bits, 1664525) + 1013904223) >>> 0;
    values[i] = (bits - 2 ** 31) / 2 ** (10 + (bits % 24));
  }
  return values;
});

const sumOf = remembered((step) => {
  const sums = subtreesOf(0, SHARDS).flatMap(({ first, level }) =>
    Array.from({ length: 2 ** level }, (_, i) => ({
      subtree: { first: first + i, level: 0 },
      value: gradientOf(step!, first + i),
    })),
  );
  return sumInOrder(sums, SHARDS, (a, b) => {
    const sum = new Float32Array(PARAMETERS);
    findAdder()(a, b, sum);
    return sum;
  });
});

/** As one node alone rounds and adds. */
const int8SumOf = remembered((step) => {
  const sums = subtreesOf(0, SHARDS).flatMap(({ first, level }) =>
    Array.from({ length: 2 ** level }, (_, i) => ({
      subtree: { first: first + i, level: 0 },
      value: roundToInt8(gradientOf(step!, first + i).slice()),
    })),
  );
  const sum = sumInOrder(sums, SHARDS, (a, b) => {
    const out = new Float32Array(PARAMETERS);
    findAdder()(a, b, out);
    return out;
  });
  return roundToInt8(sum);
});

const bytesOf = (values: Float32Array) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);

/** A node that takes its steps with gradients that are there already. @returns The sums. */
function start(
  options: Partial<GroupOptions>,
  targets: Partial<GroupOptions["targets"]>,
  tell: (text: string) => void,
) {
  // Who joins takes it over.
  const values = new Float32Array(PARAMETERS);
  const vectors = { parameters: values, m: values, v: values, ema: values };
  const state = { step: 0, snapshot: () => ({ step: state.step, ...vectors }), restore: () => {} };
  const group = exchangeGroup({
    targets: { listen: { host: "127.0.0.1", port: 0 }, world: 1, rank: 0, security: {}, securityOf: () => ({}), ...targets }, // prettier-ignore
    run: { shards: SHARDS, shardSize: 1, parameters: PARAMETERS, bfloat16: false },
    state: state as unknown as TrainState,
    ...{ to: STEPS, deadline: 60_000, config: {}, differences: () => [], tell },
    ...options,
  });
  const sums: Float32Array[] = [];
  group.onSum(({ sum }) => {
    sums.push(sum.slice());
    state.step++;
  });
  const losses = Float32Array.of(1);
  const run = async () => {
    for await (const turn of group.turns(new AbortController().signal)) {
      const values = tf.tensor1d(gradientOf(turn.step, turn.shard));
      group.add({ ...turn, values, t: losses, loss: losses });
      values.dispose();
    }
    return sums;
  };
  return run();
}

async function together(options: Partial<GroupOptions>): Promise<Float32Array[][]> {
  let found: (port: number) => void;
  const port = new Promise<number>((resolve) => (found = resolve));
  const tell = (text: string) => {
    const match = /--join 127\.0\.0\.1:(\d+)$/.exec(text);
    if (match) found(Number(match[1]));
  };
  const first = start(options, { world: NODES }, tell);
  const join = { host: "127.0.0.1", port: await port };
  return Promise.all([first, ...Array.from({ length: NODES - 1 }, () => start(options, { join }, () => {}))]);
}

describe.each([
  ["read each other's memory", true],
  ["send messages", false],
])("nodes whose parts come in several pieces and that %s", (_, sharedMemory) => {
  it("add them in the order of the tree", async () => {
    for (const sums of await together({ sharedMemory })) {
      expect(sums).toHaveLength(STEPS);
      sums.forEach((sum, step) => expect(bytesOf(sum).equals(bytesOf(sumOf(step)))).toBe(true));
    }
  });

  it("round them on the way if asked to", async () => {
    const run = { shards: SHARDS, shardSize: 1, parameters: PARAMETERS, bfloat16: true };
    const [first, ...others] = await together({ sharedMemory, run });
    for (const sums of others) sums.forEach((sum, step) => expect(bytesOf(sum).equals(bytesOf(first![step]!))).toBe(true)); // prettier-ignore
    const [sum, exact] = [first![1]!, sumOf(1)];
    expect(bytesOf(fromBfloat16(toBfloat16(sum))).equals(bytesOf(sum))).toBe(true);
    const scale = Math.max(...exact.subarray(0, 1000).map(Math.abs));
    for (let i = 0; i < 1000; i++) expect(Math.abs(sum[i]! - exact[i]!)).toBeLessThan(scale / 50);
  });

  it("add what was rounded to int8 one by one, and round the sum in the same blocks", async () => {
    const run = { shards: SHARDS, shardSize: 1, parameters: PARAMETERS, bfloat16: false, int8: true };
    for (const sums of await together({ sharedMemory, run })) {
      expect(sums).toHaveLength(STEPS);
      sums.forEach((sum, step) => expect(bytesOf(sum).equals(bytesOf(int8SumOf(step)))).toBe(true));
    }
  });
});
