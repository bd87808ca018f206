/** Recorded graphs in bfloat16: products are computed in it, and what lies between them stays in it. */
import { ATTR, type GraphNode, type NodeOutput, type OpAttribute } from "./graph-def.ts";
import { BFLOAT16, FLOAT } from "./kernels.ts";
import type { Recording } from "./recorder.ts";

const words = (...lines: string[]) => new Set(lines.flatMap((line) => line.split(" ")));

/** The inputs and outputs of a node that are bfloat16 instead of float32. */
interface Half {
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

const NONE: Half = { inputs: [], outputs: [] };

/** Always in bfloat16: a processor's matrix units take it, and sum in float32. */
const PRODUCTS = words("Conv2D Conv2DBackpropInput Conv2DBackpropFilter BatchMatMulV2 MatMul");

/** Ops that take the type of their largest input: they move numbers, or add and scale them. */
const FOLLOWING = words(
  "Add AddV2 Sub Mul BiasAdd Reshape Transpose Slice SplitV Pad PadV2 ReverseV2 AvgPool Identity",
  "ScoreStreamScaledSum",
);

/** Ops of our own: inputs and outputs that may be bfloat16; the others, statistics and parameters, are float32. */
const OWN: Readonly<Record<string, Half>> = {
  ScoreStreamGroupNorm: { inputs: [0], outputs: [0] },
  ScoreStreamGroupNormGrad: { inputs: [1, 0], outputs: [0] },
  ScoreStreamDropout: { inputs: [0], outputs: [0] },
  ScoreStreamPixelSum: { inputs: [0], outputs: [] },
};

const isFloat = ({ node, index }: NodeOutput) => node.outputTypes[index] === FLOAT;
const shapeOf = ({ node, index }: NodeOutput) => node.outputShapes?.[index] ?? [];
const sizeOf = (output: NodeOutput) => shapeOf(output).reduce((product, size) => product * size, 1);

const flag = (name: string, value: boolean): OpAttribute => ({ name, type: ATTR.BOOL, value });

/** Values of a constant of int32. */
const int32Of = ({ node: { constant } }: NodeOutput) =>
  constant && [...new Int32Array(constant.content.slice().buffer)].join();

/** A sum over pixels as an op of our own, which sums in float32 what is bfloat16; any other node as it is. */
function asPixelSum(node: GraphNode): GraphNode {
  const images = node.op === "Sum" && shapeOf(node.inputs[0]!).length === 4 && int32Of(node.inputs[1]!) === "1,2";
  if (node.op !== "BiasAddGrad" && !images) return node;
  const T = node.attributes.filter(({ name }) => name === "T");
  const keep = node.attributes.some(({ name, value }) => name === "keep_dims" && value === true);
  const attributes = [...T, flag("images", images), flag("keep_dims", keep)];
  return { ...node, op: "ScoreStreamPixelSum", inputs: [node.inputs[0]!], attributes };
}

/** The graph so far, with the nodes of the recording in their new types. */
class Rewriting {
  readonly nodes: GraphNode[] = [];
  readonly #outputs = new Map<GraphNode, readonly NodeOutput[]>();
  readonly #casts = new Map<GraphNode, Map<string, NodeOutput>>();

  /** Returns the output in the new graph that stands for one of the recording. */
  now({ node, index }: NodeOutput): NodeOutput {
    return this.#outputs.get(node)![index]!;
  }

  typeOf(output: NodeOutput): number {
    const { node, index } = this.now(output);
    return node.outputTypes[index]!;
  }

  /** An output of the new graph in another type, cast once for all who need it. */
  cast(output: NodeOutput, type: number): NodeOutput {
    const { node, index } = output;
    const from = node.outputTypes[index]!;
    if (from === type) return output;
    const casts = this.#casts.get(node) ?? new Map<string, NodeOutput>();
    this.#casts.set(node, casts);
    const key = `${index}:${type}`;
    const known = casts.get(key);
    if (known) return known;
    const attributes = [
      { name: "SrcT", type: ATTR.TYPE, value: from },
      { name: "DstT", type: ATTR.TYPE, value: type },
    ];
    const name = `${node.name}_${index}_${type === BFLOAT16 ? "bfloat16" : "float32"}`;
    const made = { node: { name, op: "Cast", inputs: [output], attributes, outputTypes: [type] }, index: 0 };
    this.nodes.push(made.node);
    casts.set(key, made);
    return made;
  }

  /** Takes a node over as `node`; of its float32 inputs and outputs, those named are bfloat16. */
  take(recorded: GraphNode, node: GraphNode, half: Half) {
    const inputs = node.inputs.map((input, i) => {
      const type = input.node.outputTypes[input.index]!;
      return this.cast(this.now(input), type === FLOAT && half.inputs.includes(i) ? BFLOAT16 : type);
    });
    const outputTypes = node.outputTypes.map((type, i) =>
      type === FLOAT && half.outputs.includes(i) ? BFLOAT16 : type,
    );
    const attributes = half.inputs.length ? node.attributes.map(withoutFloat) : node.attributes;
    const after = node.after?.map((other) => this.#outputs.get(other)![0]!.node);
    const made = { ...node, inputs, outputTypes, attributes, ...(after && { after }) };
    this.nodes.push(made);
    this.bind(
      recorded,
      outputTypes.map((_, index) => ({ node: made, index })),
    );
  }

  /** Says where a node's outputs are. */
  bind(node: GraphNode, outputs: readonly NodeOutput[]) {
    this.#outputs.set(node, outputs);
  }
}

/** The attribute `T` says bfloat16. */
const withoutFloat = (attribute: OpAttribute): OpAttribute =>
  attribute.name === "T" && attribute.value === FLOAT ? { ...attribute, value: BFLOAT16 } : attribute;

/** A cast of float32 to float32, of which tfjs makes many. */
const isNoCast = ({ op, inputs, outputTypes }: GraphNode) =>
  op === "Cast" && outputTypes[0] === FLOAT && isFloat(inputs[0]!);

/** True when one of the node's largest float32 inputs has become bfloat16. */
function follows(node: GraphNode, graph: Rewriting): boolean {
  const floats = node.inputs.filter(isFloat);
  const largest = Math.max(...floats.map(sizeOf));
  return floats.some((input) => sizeOf(input) === largest && graph.typeOf(input) === BFLOAT16);
}

/** Parts of one list are all in bfloat16, or none is. */
const allHalf = (node: GraphNode, graph: Rewriting) =>
  node.inputs.filter(isFloat).every((input) => graph.typeOf(input) === BFLOAT16);

/** Chooses the inputs and outputs of a node that become bfloat16. */
function halfOf(node: GraphNode, graph: Rewriting): Half {
  if (/^out\d/.test(node.name)) return NONE;
  const all = { inputs: node.inputs.map((_, i) => i), outputs: node.outputTypes.map((_, i) => i) };
  const own = OWN[node.op];
  if (own && graph.typeOf(node.inputs[own.inputs[0]!]!) === BFLOAT16) return own;
  if (PRODUCTS.has(node.op)) return all;
  if (FOLLOWING.has(node.op) && follows(node, graph)) return all;
  if (node.op === "ConcatV2" && allHalf(node, graph)) return all;
  return NONE;
}

/**
 * The recording with its products in bfloat16, and what lies between them: activations and their gradients take half the memory.
 *
 * Everything else is float32 as it was: inputs and outputs, sums over many numbers, softmax, the statistics of norms, and what
 * `keepFloat32` was called for. Sums of products are rounded once.
 */
export function inBfloat16({ nodes, ...rest }: Recording, { ownOps }: { readonly ownOps: boolean }): Recording {
  const graph = new Rewriting();
  for (const node of nodes) {
    const [first] = node.inputs;
    if (isNoCast(node)) {
      graph.bind(node, [graph.now(first!)]);
      continue;
    }
    const sum = ownOps && first && graph.typeOf(first) === BFLOAT16 && asPixelSum(node);
    const target = sum || node;
    graph.take(node, target, halfOf(target, graph));
    // Gradients of weights are added up and kept in float32.
    if (!node.keepFloat32 && node.op !== "Conv2DBackpropFilter") continue;
    graph.bind(
      node,
      node.outputTypes.map((type, index) => graph.cast(graph.now({ node, index }), type)),
    );
  }
  return { nodes: graph.nodes, ...rest };
}
