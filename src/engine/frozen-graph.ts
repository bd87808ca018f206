/** TensorFlow's frozen graphs: a GraphDef whose variables are constants, run as it is. */
import type { Tensor } from "@tensorflow/tfjs";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isNative } from "./kernels.ts";
import { lengthField, numberField, wireFields } from "./protobuf.ts";
import type { NodeBackend } from "./recorder.ts";
import { tf } from "./tf.ts";

/** A node as the file has it. */
export interface FrozenNode {
  readonly name: string;
  readonly op: string;
  /** `node`, `node:output`, or `^node` for one that only has to run before. */
  readonly inputs: readonly string[];
}

/** Field numbers of tensorflow/core/framework/graph.proto, node_def.proto and attr_value.proto. */
const GRAPH = { node: 1 } as const;
const NODE = { name: 1, op: 2, input: 3, attributes: 5 } as const;
const ATTRIBUTE = { key: 1, value: 2, type: 6 } as const;
/** Of tensorflow/core/protobuf/saved_model.proto and meta_graph.proto. */
const SAVED_MODEL = { schemaVersion: 1, metaGraphs: 2 } as const;
const META_GRAPH = { info: 1, graph: 2, tags: 4 } as const;

const FLOAT = 1;

/**
 * The nodes of a GraphDef.
 *
 * @throws RangeError when the bytes are none.
 */
export function graphNodes(graph: Uint8Array): FrozenNode[] {
  const text = new TextDecoder("utf-8", { fatal: true });
  const nodes: FrozenNode[] = [];
  for (const { number, content } of wireFields(graph)) {
    if (number !== GRAPH.node || !content) continue;
    const texts = (wanted: number) =>
      [...wireFields(content)].flatMap((field) =>
        field.number === wanted && field.content ? [text.decode(field.content)] : [],
      );
    const [name = "", op = ""] = [texts(NODE.name)[0], texts(NODE.op)[0]];
    if (!name || !op) throw new RangeError(`its node ${nodes.length} has no name or no operation`);
    nodes.push({ name, op, inputs: texts(NODE.input) });
  }
  if (nodes.length === 0) throw new RangeError("it has no nodes");
  return nodes;
}

/** A GraphDef of one float placeholder, to be appended to another. */
function placeholder(name: string): Uint8Array {
  const dtype = lengthField(ATTRIBUTE.value, numberField(ATTRIBUTE.type, FLOAT));
  const attribute = lengthField(NODE.attributes, lengthField(ATTRIBUTE.key, "dtype"), dtype);
  return lengthField(GRAPH.node, lengthField(NODE.name, name), lengthField(NODE.op, "Placeholder"), attribute);
}

/** The graph's bytes, untouched, in a SavedModel with the tag "serve": operations keep the meaning of their version. */
function savedModelOf(...graph: Uint8Array[]): Uint8Array {
  const info = lengthField(META_GRAPH.info, lengthField(META_GRAPH.tags, "serve"));
  const meta = lengthField(SAVED_MODEL.metaGraphs, info, lengthField(META_GRAPH.graph, ...graph));
  return Buffer.concat([numberField(SAVED_MODEL.schemaVersion, 1), meta]);
}

/** A loaded graph. The caller owns the inputs and the outputs. */
export interface FrozenGraph {
  run(...inputs: Tensor[]): Tensor[];
  dispose(): void;
}

export interface FrozenGraphOptions {
  /** Tensors that are fed, as `Mul:0`; one whose node the graph lacks becomes a placeholder. */
  readonly inputs: readonly string[];
  /** Tensors that are returned, as `pool_3:0`. */
  readonly outputs: readonly string[];
}

/**
 * Loads a frozen graph into a TensorFlow session.
 *
 * @param graph Bytes of the GraphDef.
 * @throws RangeError when the bytes are none; Error when the engine is not native or TensorFlow refuses the graph.
 */
export function loadFrozenGraph(graph: Uint8Array, { inputs, outputs }: FrozenGraphOptions): FrozenGraph {
  if (!isNative()) throw new Error("only native TensorFlow runs frozen graphs");
  const backend = () => tf.backend() as unknown as NodeBackend;
  const nodes = new Set(graphNodes(graph).map(({ name }) => name));
  const fed = inputs.map((tensor) => tensor.split(":")[0]!);
  const model = savedModelOf(graph, ...fed.filter((name) => !nodes.has(name)).map(placeholder));
  const directory = mkdtempSync(join(tmpdir(), "scorestream-"));
  let session: number;
  try {
    writeFileSync(join(directory, "saved_model.pb"), model);
    session = backend().binding.loadSavedModel(directory, "serve");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return {
    run(...tensors) {
      const ids = backend().getInputTensorIds(tensors);
      const results = backend().binding.runSavedModel(session, ids, inputs.join(), outputs.join());
      return results.map((info) => backend().createOutputTensor(info));
    },
    dispose: () => backend().binding.deleteSavedModel(session),
  };
}
