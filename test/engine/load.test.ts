import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import util from "node:util";
import { describe, expect, test } from "vitest";
import { CONVOLUTION_FLOPS, convolutionSpeed } from "../../src/engine/flops.ts";
import { isNative } from "../../src/engine/kernels.ts";
import { loadEngine } from "../../src/engine/load.ts";
import { tf } from "../../src/engine/tf.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));

/** Runs a module in a process of its own, which has loaded no engine yet. */
function runModule(text: string, env: Record<string, string> = {}) {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  const load = pathToFileURL(join(project, "src/engine/load.ts")).href;
  const program = `const { loadEngine } = await import(${JSON.stringify(load)}); ${text}`;
  const options =
    "Deno" in globalThis
      ? ["run", "-A", `data:text/javascript,${encodeURIComponent(program)}`]
      : ["--import", tsx, "--input-type=module", "-e", program];
  // An empty value counts as none.
  const unset = { TF_CPP_MIN_LOG_LEVEL: "", TF_NUM_INTRAOP_THREADS: "", TF_NUM_INTEROP_THREADS: "" };
  return spawnSync(process.execPath, options, {
    cwd: project,
    encoding: "utf8",
    env: { ...process.env, ...unset, ...env },
  });
}

describe("loadEngine", () => {
  test("loads one engine and makes it the backend of tf", async () => {
    const engine = await loadEngine();
    expect(await loadEngine({ threads: 1 })).toBe(engine);
    expect(engine.tf).toBe(tf);
    expect(engine.native).toBe(isNative());
    expect(engine.name).toMatch(engine.native ? /^tensorflow/ : /^wasm$/);
    expect(engine.version).toMatch(/^\d+\.\d+\.\d+/);
    expect(engine.device).not.toBe("");
    expect(engine.threads).toBeGreaterThan(0);
    expect(Array.from(tf.tensor1d([1, 2]).add(1).dataSync())).toEqual([2, 3]);
  });

  test.each([0, -1, 1.5, NaN])("refuses %s threads", (threads) => {
    expect(() => loadEngine({ threads })).toThrow(RangeError);
  });

  test("gives back what newer Nodes took from util", () => {
    const { isNullOrUndefined } = util as unknown as { isNullOrUndefined?: (value: unknown) => boolean };
    if (!isNative()) return;
    expect([undefined, null, 0].map((value) => isNullOrUndefined!(value))).toEqual([true, true, false]);
  });

  test("loads without a word, and with the threads that were asked for", () => {
    const { status, stdout, stderr } = runModule(`
      const { threads } = await loadEngine({ threads: 3 });
      console.log(threads, process.env.TF_NUM_INTRAOP_THREADS, process.env.TF_NUM_INTEROP_THREADS);`);
    const expected = isNative() ? "3 3 2\n" : "1  \n";
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: expected, stderr: "" });
  });

  test.runIf(isNative())("frees what tensors hold of JavaScript in its thread, whichever thread ends with them", () => {
    const compileModule = pathToFileURL(join(project, "src/engine/compile.ts")).href;
    // Where another thread does, V8 mostly aborts within 20 calls, for it has given one handle to two owners.
    const program = `
      const { tf } = await loadEngine();
      const { compile } = await import(${JSON.stringify(compileModule)});
      const sum = compile((...x) => [tf.addN(x)], { name: "sum" });
      const { binding } = tf.backend();
      const few = new Float32Array(4);
      const calls = async (times) => {
        for (; times > 0; times--) {
          const inputs = Array.from({ length: 200 }, () => tf.tensor1d(new Float32Array(64)));
          const running = sum.start(...inputs);
          tf.dispose(inputs);
          for (let i = 0; i < 2000; i++) binding.deleteTensor(binding.createTensor([4], binding.TF_FLOAT, few));
          tf.dispose(await running);
        }
      };
      await Promise.all([calls(100), calls(100), calls(100)]);
      console.log(tf.memory().numTensors);`;
    const { status, stdout, stderr } = runModule(program, { NODE_NO_WARNINGS: "1" });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "0\n", stderr: "" });
  });

  test("names the remedy where TensorFlow is not set up", () => {
    const hide = `
      import { createRequire } from "node:module";
      const modules = createRequire(${JSON.stringify(join(project, "package.json"))});
      modules.cache[modules.resolve("@tensorflow/tfjs-node-gpu")] = { get exports() { throw new Error("no library"); } };
      await loadEngine().catch((error) => console.log(error.exitCode, error.message));`;
    const { stdout } = runModule(hide, { SCORESTREAM_ENGINE: "auto" });
    expect(stdout).toContain("2 TensorFlow cannot be loaded: no library");
    expect(stdout).toContain("run npm run setup to repair it");
  });

  test("loads WebAssembly where SCORESTREAM_ENGINE says so, with the kernels that training needs", () => {
    const { status, stdout, stderr } = runModule(
      `const { tf, name, native } = await loadEngine();
       const loss = (x, w) => tf.conv2d(x, w, 1, "same").square().sum();
       const [dx, dw] = tf.grads(loss)([tf.ones([1, 4, 4, 1]), tf.ones([3, 3, 1, 2])]);
       console.log(name, native, dw.shape.join(), dw.sum().dataSync()[0], dx.sum().dataSync()[0]);`,
      { SCORESTREAM_ENGINE: "wasm" },
    );
    // y counts the pixels under the filter: 4 corners of 4, 8 edges of 6, 4 inner of 9. The loss is quadratic in the
    // filter and in the image, so that each gradient sums to twice the loss, 2 * 2 * (4 * 16 + 8 * 36 + 4 * 81).
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toBe("wasm false 3,3,1,2 2704 2704\n");
  });
});

describe("convolutionSpeed", () => {
  test("counts a multiplication and an addition for each weight and pixel", () => {
    expect(CONVOLUTION_FLOPS).toBe(2 * 16 * 32 * 32 * 9 * 64 * 64);
  });

  test("measures three speeds and frees its tensors", () => {
    const before = tf.memory().numTensors;
    for (const speed of Object.values(convolutionSpeed(1))) expect(speed).toBeGreaterThan(0);
    expect(tf.memory().numTensors).toBe(before);
  });
});
