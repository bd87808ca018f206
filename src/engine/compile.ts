/** Compiled functions: ordinary tfjs code that runs as one TensorFlow graph. */
import type { Tensor } from "@tensorflow/tfjs";
import { inBfloat16 } from "./bfloat16-graph.ts";
import { collectGarbage } from "./garbage.ts";
import { loadGraph, type Graph } from "./graph.ts";
import { hasOwnOps, isNative, nativeBackend, tensorsOf } from "./kernels.ts";
import { recordGraph } from "./recorder.ts";
import { tf } from "./tf.ts";

/** A function of tensors to tensors. The caller owns the inputs and the outputs. */
export interface Compiled {
  (...inputs: Tensor[]): Tensor[];
  /**
   * The same in another thread, while JavaScript goes on; the inputs may be disposed at once. A function that is not
   * compiled, and the first call with new shapes' recording, run before this returns.
   */
  start(...inputs: Tensor[]): Promise<Tensor[]>;
  /** Frees the graphs. */
  dispose(): void;
}

export interface CompileOptions {
  /** Named in errors. */
  readonly name: string;
  /** False runs the function eagerly, with equal results; needed where the engine is not native. Default true. */
  readonly compile?: boolean;
  /**
   * Type of products and of the ops between them, see {@link inBfloat16}. Only compiled functions have bfloat16.
   * Default float32.
   */
  readonly precision?: "float32" | "bfloat16";
}

const tidy = (run: () => Tensor[]) => tf.tidy(run);

/**
 * Turns `fn`, written with the ordinary tfjs API, into one TensorFlow graph per input shapes, recorded at the first
 * call with those shapes and run as one call from then on.
 *
 * @throws RecordingError at the first call when `fn` cannot be recorded, see {@link recordGraph}.
 */
export function compile(fn: (...inputs: Tensor[]) => Tensor[], options: CompileOptions): Compiled {
  const { name, compile: on = true, precision = "float32" } = options;
  if (!on) {
    if (precision === "bfloat16") throw new RangeError(`${name}: only compiled functions compute in bfloat16`);
    // Clones, so that a function that returns its input gives a tensor of the caller's own here too.
    const eager = (...inputs: Tensor[]) => tidy(() => fn(...inputs.map((t) => t.clone())));
    return Object.assign(eager, { start: async (...inputs: Tensor[]) => eager(...inputs), dispose: () => {} });
  }

  const graphs = new Map<string, Graph>();
  const graphFor = (inputs: readonly Tensor[]): Graph => {
    const key = inputs.map((t) => `${t.dtype}[${t.shape.join()}]`).join();
    const known = graphs.get(key);
    if (known) return known;
    if (!isNative()) throw new Error(`${name}: only native TensorFlow runs graphs, set engine.compile=false`);
    const recorded = recordGraph(nativeBackend(), tidy, fn, inputs);
    const recording = precision === "bfloat16" ? inBfloat16(recorded, { ownOps: hasOwnOps() }) : recorded;
    let graph: Graph;
    try {
      graph = loadGraph(nativeBackend().binding, name, recording);
    } catch (error) {
      throw new Error(`${name}: TensorFlow refused the recorded graph`, { cause: error });
    }
    graphs.set(key, graph);
    collectGarbage();
    return graph;
  };
  const call = (...inputs: Tensor[]) => tensorsOf(graphFor(inputs).run(nativeBackend().getInputTensorIds(inputs)));
  return Object.assign(call, {
    start: async (...inputs: Tensor[]) =>
      tensorsOf(await graphFor(inputs).start(nativeBackend().getInputTensorIds(inputs))),
    dispose() {
      for (const graph of graphs.values()) graph.close();
      graphs.clear();
    },
  });
}
