import type { Tensor, Tensor1D, Tensor2D } from "@tensorflow/tfjs";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import type { Binding, NodeBackend } from "../../src/engine/binding.ts";
import { compile, type Compiled } from "../../src/engine/compile.ts";
import { ATTR } from "../../src/engine/graph-def.ts";
import { executeOp, FLOAT, typeAttribute } from "../../src/engine/kernels.ts";
import { tf } from "../../src/engine/tf.ts";
import { largestError } from "../support/numbers.ts";
import { groupNorm } from "../../src/ops/group-norm.ts";
import { expectNoLeak, normalTensor, values } from "../support/tensors.ts";

const compiled: Compiled[] = [];
const compileHere = (fn: (...inputs: Tensor[]) => Tensor[], on = true) => {
  const made = compile(fn, { name: "test", compile: on });
  compiled.push(made);
  return made;
};
afterEach(() => {
  for (const fn of compiled.splice(0)) fn.dispose();
});
const vector = (seed = 1, n = 6) => normalTensor<Tensor1D>([n], seed);
/** The binding's own properties are read-only. */
const settable = (binding: Binding) =>
  Object.fromEntries(
    (["addFunction", "removeFunction", "startFunction"] as const).map((name) => [
      name,
      { writable: true, value: binding[name] },
    ]),
  );

describe("a loaded graph", () => {
  /** A binding with other methods, while `run` runs. */
  async function withBinding(methods: (binding: Binding) => Partial<Binding>, run: () => void | Promise<void>) {
    const backend = tf.backend() as unknown as NodeBackend;
    const { binding } = backend;
    backend.binding = Object.assign(Object.create(binding, settable(binding)) as Binding, methods(binding));
    try {
      await run();
    } finally {
      backend.binding = binding;
    }
  }

  it("removes one function for each graph", async () => {
    const [added, removed]: [string[], string[]] = [[], []];
    const methods = (binding: Binding): Partial<Binding> => ({
      addFunction: (name, ...rest) => {
        added.push(name);
        binding.addFunction!(name, ...rest);
      },
      removeFunction: (name) => {
        binding.removeFunction!(name);
        removed.push(name);
      },
    });
    await withBinding(methods, () => {
      const fn = compile((x) => [tf.neg(x)], { name: "test" });
      tf.tidy(() => void [fn(vector(1, 2)), fn(vector(1, 3)), fn(vector(1, 2))]);
      fn.dispose();
    });
    expect(new Set(added).size).toBe(2);
    expect(removed).toEqual(added);
  });

  it("says so and takes sessions, leaving no file behind, where the binding has no functions", async () => {
    const said = vi.spyOn(console, "error").mockImplementation(() => {});
    const folder = mkdtempSync(join(tmpdir(), "scorestream-graph-"));
    vi.stubEnv("TMPDIR", folder);
    onTestFinished(() => {
      vi.unstubAllEnvs();
      rmSync(folder, { recursive: true });
    });
    await expectNoLeak(() =>
      withBinding(
        () => ({ addFunction: undefined }) as never,
        async () => {
          const fn = compileHere((x, y) => [tf.add(tf.mul(x, 2), y), x]);
          const inputs = [vector(1), vector(2)] as const;
          const expected = fn(...inputs);
          const started = await fn.start(...inputs);
          expect(started.map(values)).toEqual(expected.map(values));
          expect(values(expected[1]!)).toEqual(values(inputs[0]));
          tf.dispose([...inputs, ...expected, ...started]);
          fn.dispose();
        },
      ),
    );
    expect(readdirSync(folder)).toEqual([]);
    expect(said.mock.calls.flat().join()).toMatch(
      /prebuilt binding has no functions.*\n {2}remedy: unset SCORESTREAM_ENGINE/,
    );
    said.mockRestore();
  });

  it.each([[true], [false]])("start gives the same, the inputs may be disposed at once: compile %s", async (on) => {
    await expectNoLeak(async () => {
      const fn = compileHere((x, y) => [tf.matMul(x, y), tf.add(x, y)], on);
      const inputs = [normalTensor<Tensor2D>([64, 64], 1), normalTensor<Tensor2D>([64, 64], 2)];
      const expected = fn(...inputs);
      const running = fn.start(...inputs);
      tf.dispose(inputs);
      const got = await running;
      expect(got.map(values)).toEqual(expected.map(values));
      tf.dispose([...got, ...expected]);
    });
  });

  it("start leaves JavaScript free while the graph runs", async () => {
    const fn = compileHere((x) => {
      let y: Tensor = x;
      for (let i = 0; i < 40; i++) y = tf.matMul(y, x);
      return [y];
    });
    const x = tf.mul(normalTensor<Tensor2D>([700, 700], 1), 0.03);
    tf.dispose(await fn.start(x));
    let turns = 0;
    const counter = setInterval(() => turns++, 0);
    const result = await fn.start(x);
    clearInterval(counter);
    // About 30 GFLOP: some hundred milliseconds.
    expect(turns).toBeGreaterThan(10);
    tf.dispose([x, ...result]);
  });

  it("start gives the same, compiled by XLA", async () => {
    const asked: boolean[] = [];
    const methods = (binding: Binding): Partial<Binding> => ({
      startFunction: (name, inputs, outputs, xla) => {
        asked.push(xla);
        return binding.startFunction!(name, inputs, outputs, true);
      },
    });
    const inputs = [normalTensor<Tensor2D>([8, 8], 1), normalTensor<Tensor2D>([8, 8], 2)];
    await withBinding(methods, async () => {
      const fn = compileHere((x, y) => [tf.sigmoid(tf.matMul(x, y)), tf.sum(y)]);
      const expected = fn(...inputs);
      const got = await fn.start(...inputs);
      got.forEach((tensor, i) => expect(largestError(values(tensor), values(expected[i]!))).toBeLessThan(1e-5));
      tf.dispose([...got, ...expected]);
      // It is XLA indeed: it does not know this operation.
      const unknown = compileHere((x) => [groupNorm(x.reshape([1, 1, 8, 8]), tf.ones([8]), tf.zeros([8]), 2)]);
      await expect(unknown.start(...inputs.slice(0, 1))).rejects.toThrow(/XLA/);
    });
    expect(asked).toEqual([false, false]);
    tf.dispose(inputs);
  });

  it("start rejects when the graph fails", async () => {
    const message = { name: "message", type: ATTR.STRING, value: "no number" };
    const fn = compileHere((x) => [executeOp("CheckNumerics", [typeAttribute("T", FLOAT), message], [x])]);
    const [good, bad] = [vector(), tf.tensor1d([1, NaN, 3, 4, 5, 6])];
    tf.dispose(await fn.start(good));
    await expect(fn.start(bad)).rejects.toThrow(/no number.*NaN/);
    expect(() => fn(bad)).toThrow(/no number.*NaN/);
    tf.dispose([good, bad]);
  });
});
