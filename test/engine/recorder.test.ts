import type { Tensor, Tensor1D } from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { after } from "../../src/engine/kernels.ts";
import type { NodeBackend } from "../../src/engine/binding.ts";
import { recordGraph, RecordingError } from "../../src/engine/recorder.ts";
import { tf } from "../../src/engine/tf.ts";
import { expectNoLeak, values } from "../support/tensors.ts";

const backend = () => tf.backend() as unknown as NodeBackend;
const recordHere = (fn: (...inputs: Tensor[]) => Tensor[], ...inputs: Tensor[]) =>
  recordGraph(backend(), (run) => tf.tidy(run), fn, inputs);

/** Ops of the graph that are neither inputs, outputs nor constants. */
const ops = (recording: { nodes: readonly { op: string; name: string }[] }) =>
  recording.nodes
    .filter(({ op, name }) => !["Placeholder", "Const"].includes(op) && !name.startsWith("out"))
    .map(({ op }) => op);

describe("record", () => {
  it("names inputs and outputs in order", () => {
    tf.tidy(() => {
      const recording = recordHere((x, y) => [tf.add(x, y), tf.neg(y)], tf.tensor1d([1, 2]), tf.tensor1d([3, 4]));
      const names = recording.nodes.map((node) => node.name);
      expect(names.filter((name) => /^(in|out)/.test(name))).toEqual(["in0", "in1", "out0", "out1"]);
      expect([recording.inputs, recording.outputs]).toEqual([2, 2]);
    });
  });

  it("is in topological order", () => {
    tf.tidy(() => {
      const { nodes } = recordHere((x) => [tf.softmax(tf.mul(tf.square(x), 2))], tf.tensor2d([[1, 2]]));
      const position = new Map(nodes.map((node, i) => [node, i]));
      for (const [i, node] of nodes.entries()) {
        for (const input of node.inputs) expect(position.get(input.node)).toBeLessThan(i);
      }
    });
  });

  it("notes what a node has to wait for, and keeps that", () => {
    tf.tidy(() => {
      const { nodes } = recordHere((x) => [tf.neg(after(x, tf.exp(x)))], tf.scalar(1));
      const waits = nodes.filter((node) => node.after);
      expect(waits.map(({ op, after }) => [op, after!.map(({ op }) => op)])).toEqual([["Identity", ["Exp"]]]);
      expect(nodes).toContain(waits[0]!.after![0]);
      expect(nodes.find(({ op }) => op === "Neg")!.inputs[0]!.node).toBe(waits[0]);
    });
  });

  it("leaves out what no output needs, but keeps every input", () => {
    tf.tidy(() => {
      const unused = (x: Tensor) => {
        tf.exp(x);
        return [tf.neg(x)];
      };
      const recording = recordHere((x) => unused(x), tf.scalar(1), tf.scalar(2));
      expect(ops(recording)).toEqual(["Neg"]);
      expect(recording.nodes.filter((node) => node.op === "Placeholder")).toHaveLength(2);
    });
  });

  it("turns a constant of equal elements into a Fill", () => {
    tf.tidy(() => {
      const recording = recordHere((x) => [tf.add(x, tf.fill([1000, 1000], 3))], tf.scalar(1));
      const bytes = recording.nodes.map((node) => node.constant?.content.length ?? 0);
      expect(Math.max(...bytes)).toBeLessThan(65);
      expect(ops(recording)).toContain("Fill");
    });
  });

  const refused: [string, (x: Tensor) => Tensor[], RegExp][] = [
    ["reading an input", (x) => [tf.mul(x, x.dataSync()[0]!)], /reads the values of a tensor/],
    ["reading a result", (x) => [tf.scalar(tf.sum(x).arraySync() as number)], /reads the values of a tensor/],
    [
      "a large constant",
      (x) => [tf.add(tf.sum(x), tf.tensor1d(Float32Array.from({ length: 70_000 }, (_, i) => i)))],
      /shape \[70000\] is too large for a graph/,
    ],
  ];
  it.each(refused)("refuses %s, leaks nothing, and restores the engine", async (_, fn, message) => {
    const { binding } = backend();
    await expectNoLeak(() => {
      const x = tf.tensor1d([1, 2]);
      tf.neg(x).dispose();
      const attempt = () => recordHere((x) => fn(x), x);
      expect(attempt).toThrow(RecordingError);
      expect(attempt).toThrow(message);
      x.dispose();
    });
    expect(backend().binding).toBe(binding);
  });

  it.each([
    ["used before", (outside: Tensor1D) => tf.neg(outside).dispose()],
    ["never used before", () => {}],
  ])("refuses a tensor made outside the function, %s", (_, prepare) => {
    tf.tidy(() => {
      const outside = tf.tensor1d([1, 2]);
      prepare(outside);
      expect(() => recordHere((x) => [tf.add(x, outside)], tf.scalar(1))).toThrow(/made outside the function: pass it/);
      expect(() => recordHere(() => [outside], tf.scalar(1))).toThrow(/made outside the function: pass it/);
      expect(values(tf.add(outside, 1))).toEqual([2, 3]);
    });
  });
});
