/** A recorded computation as TensorFlow's own file format: GraphDef inside a SavedModel without variables. */
import { createRequire } from "node:module";

/** An attribute as the binding takes it: `type` is a TF_ATTR_* number of the binding. */
export interface OpAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/** One output of a node. */
export interface NodeOutput {
  readonly node: GraphNode;
  readonly index: number;
}

/** A node of the recorded graph. */
export interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly NodeOutput[];
  readonly attributes: readonly OpAttribute[];
  /** Set on constants: raw little-endian bytes. */
  readonly constant?: { readonly dtype: number; readonly shape: readonly number[]; readonly content: Uint8Array };
  /** TensorFlow type number of every output. */
  readonly outputTypes: readonly number[];
  /** Shape of every output, where it is known. */
  readonly outputShapes?: readonly (readonly number[])[];
  /** Its outputs are float32 to all who take them, also where products are computed in bfloat16. */
  readonly keepFloat32?: boolean;
  /** Nodes that run before this one though it takes nothing from them. */
  readonly after?: readonly GraphNode[];
}

/** Numbers of TF_AttrType (tensorflow/c/tf_attrtype.h). */
export const ATTR = { STRING: 0, INT: 1, FLOAT: 2, BOOL: 3, TYPE: 4, SHAPE: 5 } as const;

// The generated messages of tfjs-node carry no types.
type Message = {
  [method: string]: (...args: unknown[]) => Message & { set(key: string, value: Message): void };
} & {
  serializeBinary(): Uint8Array;
};
type MessageClass = { new (): Message } & Record<string, { new (): Message }>;

const messages = () =>
  createRequire(import.meta.url)("@tensorflow/tfjs-node-gpu/dist/proto/api_pb.js") as Record<string, MessageClass>;

function shapeMessage(proto: Record<string, MessageClass>, shape: readonly number[]): Message {
  const message = new proto.TensorShape!();
  for (const size of shape) {
    const dim = new proto.TensorShape!.Dim!();
    dim.setSize!(size);
    message.addDim!(dim);
  }
  return message;
}

function attributeMessage(proto: Record<string, MessageClass>, { name, type, value }: OpAttribute): Message {
  const setter = { [ATTR.STRING]: "S", [ATTR.INT]: "I", [ATTR.FLOAT]: "F", [ATTR.BOOL]: "B", [ATTR.TYPE]: "Type" }[
    type
  ];
  const message = new proto.AttrValue!();
  const convert = (v: unknown) => (type === ATTR.STRING ? Buffer.from(v as string).toString("base64") : v);
  if (type === ATTR.SHAPE) message.setShape!(shapeMessage(proto, value as number[]));
  else if (!setter) throw new TypeError(`attribute "${name}": type ${type} cannot be written to a graph`);
  else if (Array.isArray(value)) {
    const list = new proto.AttrValue!.ListValue!();
    list[`set${setter}List`]!(value.map(convert));
    message.setList!(list);
  } else message[`set${setter}`]!(convert(value));
  return message;
}

function nodeMessage(proto: Record<string, MessageClass>, node: GraphNode): Message {
  const message = new proto.NodeDef!();
  message.setName!(node.name);
  message.setOp!(node.op);
  const data = node.inputs.map(({ node: from, index }) => (index ? `${from.name}:${index}` : from.name));
  message.setInputList!([...data, ...(node.after ?? []).map(({ name }) => `^${name}`)]);
  const attributes = message.getAttrMap!();
  for (const attribute of node.attributes) attributes.set(attribute.name, attributeMessage(proto, attribute));
  if (node.constant) {
    const { dtype, shape, content } = node.constant;
    const tensor = new proto.Tensor!();
    tensor.setDtype!(dtype);
    tensor.setTensorShape!(shapeMessage(proto, shape));
    tensor.setTensorContent!(content);
    const value = new proto.AttrValue!();
    value.setTensor!(tensor);
    attributes.set("value", value);
  }
  return message;
}

/** Bytes of a GraphDef that holds the nodes, in topological order. */
export function graphDef(nodes: readonly GraphNode[]): Uint8Array {
  const proto = messages();
  // Node by node, since the messages of a whole graph would be the largest thing in JavaScript's memory.
  const parts = nodes.map((node) => {
    const one = new proto.GraphDef!();
    one.addNode!(nodeMessage(proto, node));
    return one.serializeBinary();
  });
  const versions = new proto.VersionDef!();
  versions.setProducer!(1000); // any producer after TF 1.0 selects today's op semantics
  const last = new proto.GraphDef!();
  last.setVersions!(versions);
  return Buffer.concat([...parts, last.serializeBinary()]);
}
