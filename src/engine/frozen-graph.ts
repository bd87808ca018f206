/** TensorFlow's frozen graphs: a GraphDef whose variables are constants, run as it is. */
import type { Tensor } from "@tensorflow/tfjs";
import { FLOAT, isNative, nativeBackend, tensorsOf } from "./kernels.ts";
import { lengthField, numberField, wireFields } from "./protobuf.ts";
import { openSession } from "./session.ts";

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

/**
 * Operations that only compute. Those of files, of the network, of functions and of state are not among them, nor
 * those that a graph for evaluating images has no use for.
 */
const COMPUTING = new Set(
  [
    "Const Placeholder PlaceholderWithDefault Identity NoOp Cast Shape Reshape ExpandDims Squeeze Pack Slice StridedSlice",
    "Concat ConcatV2 Split Transpose Pad Fill DecodeJpeg ResizeBilinear CheckNumerics Add AddV2 AddN Sub Mul RealDiv Neg",
    "Maximum Minimum Square SquaredDifference Sqrt Rsqrt Mean Sum Max Conv2D DepthwiseConv2dNative BiasAdd MatMul",
    "BatchNormWithGlobalNormalization FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 Relu Relu6 MaxPool AvgPool LRN",
    "Softmax LogSoftmax",
  ].flatMap((line) => line.split(" ")),
);

/** A GraphDef of one float placeholder, to be appended to another. */
function placeholder(name: string): Uint8Array {
  const dtype = lengthField(ATTRIBUTE.value, numberField(ATTRIBUTE.type, FLOAT));
  const attribute = lengthField(NODE.attributes, lengthField(ATTRIBUTE.key, "dtype"), dtype);
  return lengthField(GRAPH.node, lengthField(NODE.name, name), lengthField(NODE.op, "Placeholder"), attribute);
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
 * @throws RangeError when the bytes are none; Error when the engine is not native or TensorFlow refuses the graph, or it has an
 *   operation that does more than compute: TensorFlow would run it, whatever it does.
 */
export function loadFrozenGraph(graph: Uint8Array, { inputs, outputs }: FrozenGraphOptions): FrozenGraph {
  if (!isNative()) throw new Error("only native TensorFlow runs frozen graphs");
  const own = graphNodes(graph);
  const other = own.find(({ op }) => !COMPUTING.has(op));
  if (other) throw new Error(`its node ${other.name} is the operation ${other.op}, which is not run`);
  const nodes = new Set(own.map(({ name }) => name));
  const fed = inputs.map((tensor) => tensor.split(":")[0]!);
  const whole = Buffer.concat([graph, ...fed.filter((name) => !nodes.has(name)).map(placeholder)]);
  const session = openSession(nativeBackend().binding, whole, inputs, outputs);
  return {
    run: (...tensors) => tensorsOf(session.run(nativeBackend().getInputTensorIds(tensors))),
    dispose: () => session.close(),
  };
}
