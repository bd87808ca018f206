/** The WebAssembly backend, with the kernels that training needs and it lacks. */
import type { NamedAttrMap, NamedTensorInfoMap, Tensor, Tensor4D } from "@tensorflow/tfjs";
import { createRequire } from "node:module";
import { tf } from "../tf.ts";
import { conv2dBackpropFilter, type Conv2DBackpropFilterAttributes } from "./conv2d-backprop-filter.ts";
import { einsum } from "./einsum.ts";

const require = createRequire(import.meta.url);

type Wasm = typeof import("@tensorflow/tfjs-backend-wasm");

function register(kernelName: string, run: (inputs: NamedTensorInfoMap, attributes: NamedAttrMap) => Tensor): void {
  if (tf.getKernel(kernelName, "wasm")) return;
  tf.registerKernel({
    kernelName,
    backendName: "wasm",
    kernelFunc: ({ inputs, attrs }) => run(inputs as NamedTensorInfoMap, attrs ?? {}),
  });
}

/** Adds the missing kernels to the backend named "wasm". */
export function registerKernels(): void {
  register("Conv2DBackpropFilter", ({ x, dy }, attributes) =>
    conv2dBackpropFilter(x as Tensor4D, dy as Tensor4D, attributes as unknown as Conv2DBackpropFilterAttributes),
  );
  register("Einsum", (inputs, { equation }) => einsum(equation as string, Object.values(inputs) as Tensor[]));
}

/** Removes the listeners that `load` adds: the WebAssembly module ends the process at any unhandled rejection. */
async function withoutListeners(load: () => Promise<unknown>): Promise<void> {
  const events = ["uncaughtException", "unhandledRejection"] as const;
  const before = events.map((event) => process.listeners(event as "uncaughtException"));
  await load();
  events.forEach((event, i) => {
    for (const listener of process.listeners(event as "uncaughtException")) {
      if (!before[i]!.includes(listener)) process.off(event, listener);
    }
  });
}

/**
 * Makes WebAssembly the backend of `tf`.
 *
 * @returns Its version, and 1 thread: under Node this backend uses no more.
 */
export async function startWasm(): Promise<{ version: string; threads: number }> {
  const wasm = require("@tensorflow/tfjs-backend-wasm") as Wasm;
  registerKernels();
  await withoutListeners(async () => {
    await tf.setBackend("wasm");
    await tf.ready();
  });
  return { version: wasm.version_wasm, threads: 1 };
}
