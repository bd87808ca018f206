/**
 * Records a function of tensors as a TensorFlow graph by running it once.
 *
 * Every kernel of the node backend reaches TensorFlow through `binding.createTensor` and `binding.executeOp`, with
 * TensorFlow's own op names; noting those calls gives the graph, and running them gives the shapes.
 */
import type { Tensor } from "@tensorflow/tfjs";
import type { Binding, NodeBackend, OutputInfo } from "./binding.ts";
import { ATTR, type GraphNode, type NodeOutput, type OpAttribute } from "./graph-def.ts";
import { StandIns } from "./stand-ins.ts";
import { inWrittenOrder } from "./sum-order.ts";
import { IMPLIED_TYPES } from "./implied-types.ts";

/** The function did something a graph cannot hold. */
export class RecordingError extends Error {
  override readonly name = "RecordingError";
}

/** A graph of inputs `in0, in1 ...` and outputs `out0, out1 ...`, nodes in topological order. */
export interface Recording {
  readonly nodes: readonly GraphNode[];
  readonly inputs: number;
  readonly outputs: number;
}

/** Constants above this many elements are refused unless all are equal: they would sit in the graph twice over. */
const LARGEST_CONSTANT = 65_536;

const bytesOf = (values: ArrayBufferView) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

const outside = (user: string) =>
  new RecordingError(`${user} uses a tensor made outside the function: pass it as an input`);

class Recorder {
  readonly nodes: GraphNode[] = [];
  /** Values the function made tensors of. */
  readonly written = new WeakSet<object>();
  readonly #sources = new Map<number, NodeOutput>();
  readonly #binding: Binding;

  constructor(binding: Binding) {
    this.#binding = binding;
  }

  add(
    op: string,
    inputs: readonly NodeOutput[],
    attributes: readonly OpAttribute[],
    outputTypes: readonly number[],
    outputShapes: readonly (readonly number[])[],
  ) {
    const name = `n${this.nodes.length}`;
    const node: GraphNode = { name, op, inputs, attributes: inWrittenOrder(op, attributes), outputTypes, outputShapes };
    this.nodes.push(node);
    return node;
  }

  bind(id: number, node: GraphNode, index = 0) {
    this.#sources.set(id, { node, index });
  }

  source(id: number, user: string): NodeOutput {
    const source = this.#sources.get(id);
    if (!source) throw outside(user);
    return source;
  }

  placeholder(name: string, id: number, dtype: number, shape: readonly number[]) {
    const attributes = [
      { name: "dtype", type: ATTR.TYPE, value: dtype },
      { name: "shape", type: ATTR.SHAPE, value: shape },
    ];
    const outputShapes = [shape];
    const node: GraphNode = { name, op: "Placeholder", inputs: [], attributes, outputTypes: [dtype], outputShapes };
    this.nodes.push(node);
    this.bind(id, node);
  }

  constant(shape: readonly number[], dtype: number, values: ArrayLike<number> & ArrayBufferView): GraphNode {
    const attributes = [{ name: "dtype", type: ATTR.TYPE, value: dtype }];
    // An Int64Scalar of tfjs-node is an Int32Array of two words: its bytes are already right.
    const constant = { dtype, shape, content: bytesOf(values).slice() };
    const name = `n${this.nodes.length}`;
    const outputShapes = [shape];
    const node: GraphNode = { name, op: "Const", inputs: [], attributes, constant, outputTypes: [dtype], outputShapes };
    this.nodes.push(node);
    return node;
  }

  /** A constant of equal elements becomes a Fill, so that the graph stays small. */
  literal(shape: readonly number[], dtype: number, values: ArrayLike<number> & ArrayBufferView): GraphNode {
    if (values.length <= 16) return this.constant(shape, dtype, values);
    const first = values[0]!;
    for (let i = 1; i < values.length; i++) {
      if (values[i] === first) continue;
      if (values.length <= LARGEST_CONSTANT) return this.constant(shape, dtype, values);
      throw new RecordingError(
        `a constant of shape [${shape.join(", ")}] is too large for a graph: pass it as an input`,
      );
    }
    const int32 = 3;
    const dims = this.constant([shape.length], int32, Int32Array.from(shape));
    const scalar = this.constant([], dtype, (values as unknown as Float32Array).slice(0, 1));
    const types = [
      { name: "T", type: ATTR.TYPE, value: dtype },
      { name: "index_type", type: ATTR.TYPE, value: int32 },
    ];
    return this.add(
      "Fill",
      [
        { node: dims, index: 0 },
        { node: scalar, index: 0 },
      ],
      types,
      [dtype],
      [shape],
    );
  }

  execute(op: string, attributes: readonly OpAttribute[], ids: readonly number[], results: readonly OutputInfo[]) {
    const inputs = ids.map((id) => this.source(id, op));
    const given = new Set(attributes.map((a) => a.name));
    const implied = Object.entries(IMPLIED_TYPES[op] ?? {}).flatMap(([name, input]) => {
      const from = inputs[input]!;
      return given.has(name) ? [] : [{ name, type: ATTR.TYPE, value: from.node.outputTypes[from.index]! }];
    });
    const types = results.map((r) => r.dtype);
    const shapes = results.map((r) => r.shape);
    if (op === "AddN") {
      const T = attributes.filter(({ name }) => name === "T");
      const { node, index } = inputs.reduce((sum, term) => ({
        node: this.add("Add", [sum, term], T, types, shapes),
        index: 0,
      }));
      this.bind(results[0]!.id, node, index);
      return;
    }
    const node = this.add(op, inputs, [...attributes, ...implied], types, shapes);
    results.forEach((result, index) => this.bind(result.id, node, index));
  }

  order(id: number, other: number) {
    this.#change(id, (node) => ({ ...node, after: [...(node.after ?? []), this.source(other, "order").node] }));
  }

  keepFloat32(id: number) {
    this.#change(id, (node) => ({ ...node, keepFloat32: true }));
  }

  /** Puts another node in the place of that of tensor `id`, which nothing uses yet. */
  #change(id: number, change: (node: GraphNode) => GraphNode) {
    const { node, index } = this.source(id, "order");
    const changed = change(node);
    this.nodes[this.nodes.lastIndexOf(node)] = changed;
    this.bind(id, changed, index);
  }

  /** The binding the backend sees while the function runs. */
  listener(standIns: StandIns): Binding {
    const binding = this.#binding;
    const override = <K extends keyof Binding>(name: K, value: Binding[K]) => ({ [name]: { value } });
    return Object.create(binding, {
      ...override("createTensor", (shape, dtype, values) => {
        // A tensor reaches TensorFlow when it is first used: one from outside would become a constant unnoticed.
        if (dtype !== binding.TF_INT64 && !this.written.has(values)) throw outside("the function");
        const id = standIns.create(shape, dtype, values);
        this.bind(id, this.literal(shape, dtype, values));
        return id;
      }),
      ...override("executeOp", (op, attributes, ids, n) => {
        const results = standIns.execute(op, attributes, ids, n);
        this.execute(op, attributes, ids, results);
        return results;
      }),
      ...override("order", (id, other) => this.order(id, other)),
      ...override("keepFloat32", (id) => this.keepFloat32(id)),
      ...override("deleteTensor", (id) => standIns.delete(id)),
      ...override("tensorDataSync", () => {
        throw new RecordingError("the function reads the values of a tensor: a graph has no values before it runs");
      }),
    }) as Binding;
  }
}

/** Nodes the outputs need, in the order they were recorded. */
function reachable(nodes: readonly GraphNode[], roots: readonly GraphNode[]): GraphNode[] {
  const needed = new Set<GraphNode>();
  const pending = [...roots];
  for (let node = pending.pop(); node; node = pending.pop()) {
    if (needed.has(node)) continue;
    needed.add(node);
    pending.push(...node.inputs.map((input) => input.node), ...(node.after ?? []));
  }
  return nodes.filter((node) => needed.has(node) || node.op === "Placeholder");
}

/**
 * Runs `fn` once on `inputs` and returns the graph of what it did.
 *
 * Numbers that JavaScript computed (also random ones: `tf.randomNormal`, `tf.dropout`) are frozen in the graph; draw
 * inside it with a seed that is an input. Aliased inputs (`x` and `x.clone()`) stay separate inputs.
 *
 * @throws RecordingError when `fn` reads values, uses tensors made outside, or bakes in a large constant.
 */
export function recordGraph(
  backend: NodeBackend,
  tidy: (fn: () => Tensor[]) => Tensor[],
  fn: (...inputs: Tensor[]) => Tensor[],
  inputs: readonly Tensor[],
): Recording {
  const { binding, write } = backend;
  const recorder = new Recorder(binding);
  const standIns = new StandIns(binding);
  let count = 0;
  try {
    tidy(() => {
      // Identities, so that aliased inputs get ids of their own.
      const own = backend.getInputTensorIds(inputs).map((id) => {
        const info = binding.executeOp("Identity", [], [id], 1)[0]!;
        return [backend.createOutputTensor(info), info] as const;
      });
      own.forEach(([, info], i) => recorder.placeholder(`in${i}`, info.id, info.dtype, info.shape));
      backend.binding = recorder.listener(standIns);
      backend.write = (values, shape, dtype) => {
        recorder.written.add(values);
        return write.call(backend, values, shape, dtype);
      };
      const outputs = fn(...own.map(([tensor]) => tensor));
      backend.getInputTensorIds(outputs).forEach((id, i) => {
        const source = recorder.source(id, `output ${i}`);
        const dtype = source.node.outputTypes[source.index]!;
        const attributes = [{ name: "T", type: ATTR.TYPE, value: dtype }];
        const name = `out${i}`;
        recorder.nodes.push({ name, op: "Identity", inputs: [source], attributes, outputTypes: [dtype] });
      });
      count = outputs.length;
      return [];
    });
    const roots = recorder.nodes.filter((node) => node.name.startsWith("out"));
    return { nodes: reachable(recorder.nodes, roots), inputs: inputs.length, outputs: count };
  } finally {
    standIns.dispose();
    backend.binding = binding;
    backend.write = write;
  }
}
