import { beforeAll, describe, expect, it } from "vitest";
import { instructions } from "../../src/engine/instructions.ts";
import { loadEngine } from "../../src/engine/load.ts";
import { tf } from "../../src/engine/tf.ts";
import { mlp } from "../../src/models/mlp.ts";
import { scoreNetwork } from "../../src/models/score-network.ts";
import { gradientFingerprint } from "../../src/run/arithmetic.ts";
import { otherSettings } from "../../src/run/exchange.ts";
import type { StoredConfig } from "../../src/run/pipeline.ts";
import { configOf } from "./effects/run.ts";

beforeAll(async () => void (await loadEngine()));

const network = (reduceMean = true) =>
  scoreNetwork(mlp({ dims: 3, width: 8, depth: 1 }), { reduceMean, compile: false });

describe("the fingerprint of a gradient", () => {
  it("is the same of the same graph, and another of another loss or size; it keeps no tensor", async () => {
    const before = tf.memory().numTensors;
    const first = await gradientFingerprint(network(), 4);
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(await gradientFingerprint(network(), 4)).toBe(first);
    expect(await gradientFingerprint(network(false), 4)).not.toBe(first);
    expect(await gradientFingerprint(network(), 5)).not.toBe(first);
    expect(tf.memory().numTensors).toBe(before);
  });

  it("shows a single bit of a gradient", async () => {
    const own = network();
    const other: typeof own = {
      ...own,
      async lossAndGradient(...call) {
        const { losses, gradient } = await own.lossAndGradient(...call);
        const values = gradient.dataSync<"float32">();
        new Uint32Array(values.buffer, values.byteOffset)[7]! ^= 1;
        gradient.dispose();
        return { losses, gradient: tf.tensor1d(values) };
      },
    };
    expect(await gradientFingerprint(other, 4)).not.toBe(await gradientFingerprint(own, 4));
  });
});

describe("the instructions of a processor", () => {
  const info = "processor: 0\nflags\t\t: fpu sse4_2 avx avx2 fma rdtscp\nbugs: none\n";

  it("are named with what keeps TensorFlow from using them", () => {
    expect(instructions({}, info)).toBe(`${process.arch} sse4_2 avx avx2 fma`);
    expect(instructions({ ONEDNN_MAX_CPU_ISA: "AVX2" }, info)).toBe(
      `${process.arch} sse4_2 avx avx2 fma, ONEDNN_MAX_CPU_ISA=AVX2`,
    );
    expect(instructions({}, "")).toBe(process.arch);
  });
});

describe("a node of another run", () => {
  const config = configOf([]);
  const own: StoredConfig = { pipeline: "count", dataDigest: "0123456789abcdef", ...config };
  const others = (over: object) => otherSettings({ config }, own, { ...own, ...over });

  it("is told by its settings and its data", () => {
    expect(others({})).toEqual([]);
    expect(others({ seed: 7 })).toEqual([`seed: ${config.seed} there, 7 here`]);
    expect(others({ dataDigest: "ba9876543210" })).toEqual(["data digest 0123456789ab there, ba9876543210 here"]);
    expect(others({ dataDigest: undefined })).toEqual(["data digest 0123456789ab there, not told here"]);
    expect(others({ exchange: { ...config.exchange, mixed: "allow" } })).toEqual([
      'exchange.mixed: "refuse" there, "allow" here',
    ]);
    expect(others({ exchange: { ...config.exchange, wire: "int8" } })).toEqual([
      'exchange.wire: "float32" there, "int8" here',
    ]);
    expect(otherSettings({ config }, own, undefined)).toEqual(["config: not readable"]);
  });
});
