/** Compiled functions: ordinary tfjs code that runs as one TensorFlow graph. */
import type { Tensor } from "@tensorflow/tfjs";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { savedModel } from "./graph-def.ts";
import { collectGarbage } from "./garbage.ts";
import { isNative } from "./kernels.ts";
import { record, type Binding, type NodeBackend } from "./recorder.ts";
import { tf } from "./tf.ts";

/** A function of tensors to tensors. The caller owns the inputs and the outputs. */
export interface Compiled {
  (...inputs: Tensor[]): Tensor[];
  /** Frees the graphs. */
  dispose(): void;
}

export interface CompileOptions {
  /** Named in errors. */
  readonly name: string;
  /** False runs the function eagerly, with equal results; needed where the engine is not native. Default true. */
  readonly compile?: boolean;
}

interface Graph {
  readonly session: number;
  readonly inputNames: string;
  readonly outputNames: string;
}

const names = (prefix: string, n: number) => Array.from({ length: n }, (_, i) => `${prefix}${i}:0`).join(",");

function load(binding: Binding, model: Uint8Array, inputs: number, outputs: number): Graph {
  const directory = mkdtempSync(join(tmpdir(), "scorestream-"));
  try {
    writeFileSync(join(directory, "saved_model.pb"), model);
    const session = binding.loadSavedModel(directory, "serve");
    return { session, inputNames: names("in", inputs), outputNames: names("out", outputs) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * Turns `fn`, written with the ordinary tfjs API, into one TensorFlow graph per input shapes, recorded at the first
 * call with those shapes (that call runs eagerly) and run as one session call from then on.
 *
 * @throws RecordingError at the first call when `fn` cannot be recorded, see {@link record}.
 */
export function compile(fn: (...inputs: Tensor[]) => Tensor[], { name, compile: on = true }: CompileOptions): Compiled {
  const tidy = (run: () => Tensor[]) => tf.tidy(run);
  if (!on) {
    // Clones, so that a function that returns its input gives a tensor of the caller's own here too.
    const eager = (...inputs: Tensor[]) => tidy(() => fn(...inputs.map((t) => t.clone())));
    return Object.assign(eager, { dispose: () => {} });
  }

  const graphs = new Map<string, Graph>();
  const backend = () => tf.backend() as unknown as NodeBackend;
  const call = (...inputs: Tensor[]): Tensor[] => {
    const key = inputs.map((t) => `${t.dtype}[${t.shape.join()}]`).join();
    const { binding } = backend();
    let graph = graphs.get(key);
    if (!graph) {
      if (!isNative()) throw new Error(`${name}: only native TensorFlow runs graphs, set engine.compile=false`);
      const recording = record(backend(), tidy, fn, inputs);
      try {
        graph = load(binding, savedModel(recording.nodes), recording.inputs, recording.outputs);
      } catch (error) {
        throw new Error(`${name}: TensorFlow refused the recorded graph`, { cause: error });
      }
      graphs.set(key, graph);
      collectGarbage();
    }
    const ids = backend().getInputTensorIds(inputs);
    const outputs = binding.runSavedModel(graph.session, ids, graph.inputNames, graph.outputNames);
    return outputs.map((info) => backend().createOutputTensor(info));
  };
  return Object.assign(call, {
    dispose() {
      for (const { session } of graphs.values()) backend().binding.deleteSavedModel(session);
      graphs.clear();
    },
  });
}
