import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bfloat16Instructions } from "../../src/engine/device.ts";
import type { Engine } from "../../src/engine/load.ts";
import { differences, type StoredConfig } from "../../src/run/config-file.ts";
import { boundFields } from "../../src/run/config-file.ts";
import { settledPrecision } from "../../src/run/precision.ts";
import { parseAssignment, resolveConfig } from "../../src/run/resolve-config.ts";
import { engineNamed, pipeline, temporaryFolder } from "../cli/fixture.ts";

const configOf = (...sets: string[]) => resolveConfig({ settings: [], assignments: sets.map(parseAssignment) }).config;
const cpu = { ...engineNamed("tensorflow"), precision: "float32", native: true } as Engine;
const gpu = { ...engineNamed("tensorflow-gpu"), precision: "tf32", native: true } as Engine;
const wasm = { ...cpu, name: "wasm", native: false } as Engine;
const [has, lacks] = [() => true, () => false];
const AUTO = configOf("engine.precision=auto");
const HALF = configOf("engine.precision=bfloat16");

describe("settledPrecision", () => {
  it("picks bfloat16 by auto where a processor is fast at it, and says why", () => {
    expect(settledPrecision(AUTO, cpu, undefined, has)).toEqual({
      precision: "bfloat16",
      lines: ["precision: bfloat16, by auto: this processor has instructions for it"],
    });
    expect(settledPrecision(AUTO, cpu, undefined, lacks).precision).toBe("float32");
    expect(settledPrecision(AUTO, wasm, undefined, has).precision).toBe("float32");
    expect(settledPrecision(AUTO, gpu, undefined, has).precision).toBe("tf32");
    const eager = configOf("engine.precision=auto", "engine.compile=false");
    expect(settledPrecision(eager, cpu, undefined, has).precision).toBe("float32");
  });

  it("goes on with what the workdir was begun in, on another processor too", () => {
    const { precision, lines } = settledPrecision(AUTO, cpu, { precision: "bfloat16" }, lacks);
    expect(precision).toBe("bfloat16");
    expect(lines).toEqual([
      "precision: bfloat16, as stored in this workdir",
      "note: this processor has no instructions for bfloat16: a step takes many times as long as in float32",
    ]);
    expect(settledPrecision(AUTO, cpu, { precision: undefined }, has).precision).toBeUndefined();
    expect(settledPrecision(AUTO, cpu, { precision: "float32" }, has).precision).toBe("float32");
  });

  it("warns where the processor, or the engine, has not what is asked for", () => {
    expect(settledPrecision(HALF, cpu, undefined, has).lines).toEqual(["precision: bfloat16"]);
    expect(settledPrecision(HALF, cpu, undefined, lacks).lines.join()).toContain("many times as long as in float32");
    const evaluation = configOf("eval.precision=bfloat16");
    expect(settledPrecision(evaluation, cpu, undefined, lacks).lines.join()).toContain(
      "many times as long as in float32",
    );
    expect(settledPrecision(configOf("engine.precision=tf32"), cpu, undefined).lines).toEqual([
      "note: engine.precision is tf32, but this engine computes in float32",
    ]);
    expect(settledPrecision(configOf(), cpu, undefined, lacks)).toEqual({ precision: undefined, lines: [] });
  });

  it.each([HALF, configOf("eval.precision=bfloat16")])("refuses bfloat16 without TensorFlow", (config) => {
    expect(() => settledPrecision(config, wasm, undefined, has)).toThrow("only TensorFlow has bfloat16");
  });
});

describe("bfloat16 in a configuration", () => {
  it.each(["engine", "eval"])("needs compiled steps: %s", (part) => {
    const sets = [`${part}.precision=bfloat16`, "engine.compile=false"];
    expect(() => configOf(...sets)).toThrow(`${part}.precision: bfloat16 needs compiled steps`);
  });

  it("is another run than one in float32 or TF32, which differ by the device", () => {
    const stored = (...sets: string[]) => ({ pipeline: "p", ...configOf(...sets) }) as StoredConfig;
    const names = boundFields("train");
    const all = (a: string[], b: string[]) => differences(stored(...a), stored(...b), names).map(({ name }) => name);
    expect(all([], ["engine.precision=bfloat16"])).toEqual(["engine.precision"]);
    expect(all(["engine.precision=bfloat16"], ["engine.precision=float32"])).toEqual(["engine.precision"]);
    expect(all([], ["engine.precision=float32"])).toEqual([]);
    expect(all(["engine.precision=tf32"], ["engine.precision=float32"])).toEqual([]);
  });

  it("is stored as auto picked it, and refused to who then asks for another", async () => {
    const workdir = temporaryFolder();
    const run = (...sets: string[]) =>
      pipeline(["count", "--workdir", workdir, ...sets.flatMap((set) => ["--set", set])], {
        loadEngine: async () => cpu,
      });
    const first = await run("engine.precision=auto");
    const { engine } = JSON.parse(readFileSync(join(workdir, "config.json"), "utf8")) as StoredConfig;
    const wanted = bfloat16Instructions() ? "bfloat16" : "float32";
    expect([first.exitCode, engine.precision]).toEqual([0, wanted]);
    expect(first.stderr).toContain(`precision: ${wanted}, by auto`);
    const second = await run("engine.precision=auto");
    expect(second.stderr).toContain(`precision: ${wanted}, as stored in this workdir`);
    const other = await run(`engine.precision=${wanted === "bfloat16" ? "float32" : "bfloat16"}`);
    expect([other.exitCode, other.stderr]).toEqual([2, expect.stringContaining("engine.precision:") as string]);
  });
});

describe("bfloat16Instructions", () => {
  it("reads the flags of the processor", () => {
    expect(bfloat16Instructions("flags\t\t: fpu avx512_bf16 sse\n")).toBe(true);
    expect(bfloat16Instructions("model name: x\nflags : fpu amx_bf16\n")).toBe(true);
    expect(bfloat16Instructions("flags\t\t: fpu avx512f\nbugs: avx512_bf16\n")).toBe(false);
    expect(bfloat16Instructions("")).toBe(false);
  });
});
