/** Loads the tensor engine: native TensorFlow, or WebAssembly if the set-up had to fall back to it. */
import { createRequire } from "node:module";
import { basename } from "node:path";
import util from "node:util";
import { UsageError } from "../base/errors.ts";
import { processors } from "../base/processors.ts";
import { deviceName } from "./device.ts";
import type { NodeBackend } from "./binding.ts";
import { tf, withoutSourceMaps } from "./tf.ts";
import { xlaVariables } from "./xla-files.ts";

const require = createRequire(import.meta.url);

/** Options of {@link loadEngine}. */
export interface EngineOptions {
  /**
   * Threads that one op may use; default: the number of processors available to this process. The first call in a
   * process decides.
   */
  readonly threads?: number | undefined;
  /** "float32" disables TF32 on a GPU. The first call in a process decides, also for `deterministic`. */
  readonly precision?: string | undefined;
  /** On a GPU, compute the same numbers every time. Default true. */
  readonly deterministic?: boolean | undefined;
}

type LoadOptions = Pick<EngineOptions, "precision"> & { readonly threads: number; readonly deterministic: boolean };

/** The loaded engine. */
export interface Engine {
  readonly tf: typeof tf;
  readonly name: "tensorflow" | "tensorflow-gpu" | "wasm";
  /** Version of the TensorFlow library, such as `2.21.0`, or of the WebAssembly backend. */
  readonly version: string;
  /** Model of the processor or of the GPU. */
  readonly device: string;
  readonly threads: number;
  /** "tf32": products with a mantissa of 10 bits, the default on a GPU. */
  readonly precision: "float32" | "tf32";
  /** True if TensorFlow ops can be called by name and functions can be compiled, see {@link compile}. */
  readonly native: boolean;
}

/** Names the engine and its precision: "tensorflow-gpu 2.21.0 in TF32". */
export const engineText = ({ name, version, precision }: Pick<Engine, "name" | "version" | "precision">): string =>
  `${name} ${version}${precision === "tf32" ? " in TF32" : ""}`;

/** TensorFlow reads these when its library is loaded; what the user has set stays. */
function setEnvironment({ threads, precision, deterministic }: LoadOptions): void {
  const defaults: Record<string, string> = {
    TF_CPP_MIN_LOG_LEVEL: "3",
    TF_NUM_INTRAOP_THREADS: String(threads),
    // Two ops side by side; more of them only compete for the same cores.
    TF_NUM_INTEROP_THREADS: String(Math.min(2, threads)),
    // On a GPU: the same numbers every time, and no more memory than is used.
    ...(deterministic && { TF_DETERMINISTIC_OPS: "1" }),
    ...(precision === "float32" && { NVIDIA_TF32_OVERRIDE: "0" }),
    TF_FORCE_GPU_ALLOW_GROWTH: "true",
    // 1.5 to 2 times faster convolutions; it is on by default only on some processors.
    ...(process.arch === "x64" && { TF_ENABLE_ONEDNN_OPTS: "1" }),
  };
  for (const [name, value] of Object.entries(defaults)) process.env[name] ||= value;
}

/** Node 23 removed two functions that tfjs-node calls. */
function restoreUtil(): void {
  const removed = { isNullOrUndefined: (value: unknown) => value == null, isArray: Array.isArray };
  for (const [name, fn] of Object.entries(removed)) {
    if (!(name in util)) Object.assign(util, { [name]: fn });
  }
}

/** Runs `load` without the deprecation warnings that old dependencies of tfjs cause and nobody here can act on. */
function withoutDeprecations<T>(load: () => T): T {
  const { emitWarning } = process;
  process.emitWarning = ((...args: Parameters<typeof emitWarning>) => {
    const [, type] = args as unknown[];
    const kind = typeof type === "object" && type ? (type as { type?: string }).type : type;
    if (kind !== "DeprecationWarning") emitWarning.apply(process, args);
  }) as typeof emitWarning;
  try {
    return load();
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** Name that the set-up gives TensorFlow's libraries, with their version. */
function libraryName(): string {
  const { libraries = "tensorflow" } = JSON.parse(process.env["SCORESTREAM_SETUP"] || "{}") as { libraries?: string };
  return basename(libraries);
}

async function loadNative(options: LoadOptions): Promise<Engine> {
  setEnvironment(options);
  const folder = process.env["SCORESTREAM_XLA_CACHE"];
  if (folder) Object.assign(process.env, xlaVariables(folder, { device: deviceName(true), libraries: libraryName() }));
  restoreUtil();
  try {
    withoutSourceMaps(() => withoutDeprecations(() => require("@tensorflow/tfjs-node-gpu")));
  } catch (error) {
    throw new UsageError(
      `TensorFlow cannot be loaded: ${(error as Error).message.split("\n")[0]}`,
      "run npm run setup to repair it, or set SCORESTREAM_ENGINE=wasm to run without TensorFlow, many times slower",
      { cause: error },
    );
  }
  await tf.setBackend("tensorflow");
  const backend = tf.backend() as unknown as NodeBackend & {
    readonly binding: { readonly TF_Version: string };
    readonly isUsingGpuDevice: boolean;
  };
  const gpu = backend.isUsingGpuDevice;
  return {
    tf,
    name: gpu ? "tensorflow-gpu" : "tensorflow",
    version: backend.binding.TF_Version,
    device: deviceName(gpu),
    // CUDA's libraries have read it by now.
    precision: gpu && process.env["NVIDIA_TF32_OVERRIDE"] !== "0" ? "tf32" : "float32",
    threads: Number(process.env["TF_NUM_INTRAOP_THREADS"]),
    native: true,
  };
}

async function loadWasm(): Promise<Engine> {
  const { startWasm } = await import("./wasm/start.ts");
  return { tf, name: "wasm", device: deviceName(false), precision: "float32", native: false, ...(await startWasm()) };
}

let loading: Promise<Engine> | undefined;

/**
 * Loads the engine once per process and makes it the backend of `tf`; later calls return the same engine.
 *
 * @throws UsageError when TensorFlow is not set up and `SCORESTREAM_ENGINE` is not `wasm`.
 */
export function loadEngine(options: EngineOptions = {}): Promise<Engine> {
  const { threads = processors().count, precision, deterministic = true } = options;
  if (!Number.isInteger(threads) || threads < 1) {
    throw new RangeError(`loadEngine: threads must be a whole number above 0, got ${threads}`);
  }
  loading ??=
    process.env["SCORESTREAM_ENGINE"] === "wasm" ? loadWasm() : loadNative({ threads, precision, deterministic });
  return loading;
}
