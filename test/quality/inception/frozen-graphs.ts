/** Frozen graphs with the node names and operations of the published ones, one small convolution in place of all. */
import { ATTR, graphDef, type GraphNode, type OpAttribute } from "../../../src/engine/graph-def.ts";
import { lengthField, numberField } from "../../../src/engine/protobuf.ts";
import { normal } from "../../support/tensors.ts";

const [FLOAT, INT32, UINT8, STRING] = [1, 3, 4, 7];

export const DIMS = 5;
export const CLASSES = 4;

/** Weights of the graphs. */
export const frozen = {
  /** [3, DIMS] */
  kernel: normal(3 * DIMS, 1),
  mean: normal(DIMS, 2).map((x) => 0.1 * x),
  variance: normal(DIMS, 3).map((x) => 0.5 + x * x),
  beta: normal(DIMS, 4),
  gamma: normal(DIMS, 5).map((x) => 1 + 0.1 * x),
  /** [DIMS, CLASSES] */
  weights: normal(DIMS * CLASSES, 6),
  biases: normal(CLASSES, 7),
};

const attribute = (name: string, type: number, value: unknown): OpAttribute => ({ name, type, value });
const T = (name = "T", value = FLOAT) => attribute(name, ATTR.TYPE, value);

function constant(name: string, shape: readonly number[], values: ArrayBufferView, dtype = FLOAT): GraphNode {
  const content = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const constant = { dtype, shape, content };
  return { name, op: "Const", inputs: [], attributes: [T("dtype", dtype)], constant, outputTypes: [dtype] };
}

function op(name: string, kind: string, inputs: readonly GraphNode[], ...attributes: OpAttribute[]): GraphNode {
  const all = inputs.map((node) => ({ node, index: 0 }));
  return { name, op: kind, inputs: all, attributes, outputTypes: [FLOAT] };
}

/** Convolution, batch norm, ReLU and the mean over the 299 x 299 pixels. */
function body(input: GraphNode): GraphNode[] {
  const strides = attribute("strides", ATTR.INT, [1, 1, 1, 1]);
  const [params, mean, variance, beta, gamma] = [
    constant("conv/conv2d_params", [1, 1, 3, DIMS], frozen.kernel),
    constant("conv/batchnorm/moving_mean", [DIMS], frozen.mean),
    constant("conv/batchnorm/moving_variance", [DIMS], frozen.variance),
    constant("conv/batchnorm/beta", [DIMS], frozen.beta),
    constant("conv/batchnorm/gamma", [DIMS], frozen.gamma),
  ];
  const padding = attribute("padding", ATTR.STRING, "VALID");
  const conv2d = op("conv/Conv2D", "Conv2D", [input, params], T(), strides, padding);
  const norm = op(
    "conv/batchnorm",
    "BatchNormWithGlobalNormalization",
    [conv2d, mean, variance, beta, gamma],
    T(),
    attribute("variance_epsilon", ATTR.FLOAT, 0.001),
    attribute("scale_after_normalization", ATTR.BOOL, true),
  );
  const relu = op("conv", "Relu", [norm], T());
  const ksize = attribute("ksize", ATTR.INT, [1, 299, 299, 1]);
  const pool = op("pool_3", "AvgPool", [relu], T(), ksize, strides, padding);
  return [params, mean, variance, beta, gamma, conv2d, norm, relu, pool];
}

/** The last layer on `pool_3`, for `rows` images (-1: any number); its output is the node `end`. */
function head(pool: GraphNode, rows: number, end: string): GraphNode[] {
  const shape = constant("pool_3/_reshape/shape", [2], Int32Array.of(rows, DIMS), INT32);
  const reshape = op("pool_3/_reshape", "Reshape", [pool, shape], T(), T("Tshape", INT32));
  const weights = constant("softmax/weights", [DIMS, CLASSES], frozen.weights);
  const biases = constant("softmax/biases", [CLASSES], frozen.biases);
  const matMul = op("softmax/logits/MatMul", "MatMul", [reshape, weights], T());
  const logits = op(end, "BiasAdd", [matMul, biases], T());
  return [shape, reshape, weights, biases, matMul, logits, op("softmax", "Softmax", [logits], T())];
}

/** The GraphDef of the nodes, of the version of December 2015, when this batch norm was no deprecated operation yet. */
const ofDecember2015 = (nodes: readonly GraphNode[]): Uint8Array =>
  // The last word on a field counts.
  Buffer.concat([graphDef(nodes), lengthField(4, numberField(1, 8))]);

/** In the form of classify_image_graph_def.pb: a picture of fixed size, resized, for one image only. */
function classifyImageNodes(): GraphNode[] {
  const picture = constant("DecodeJpeg", [2, 2, 3], new Uint8Array(12), UINT8);
  const cast = op("Cast", "Cast", [picture], T("SrcT", UINT8), T("DstT"));
  const dim = constant("ExpandDims/dim", [], Int32Array.of(0), INT32);
  const expand = op("ExpandDims", "ExpandDims", [cast, dim], T(), T("Tdim", INT32));
  const size = constant("ResizeBilinear/size", [2], Int32Array.of(299, 299), INT32);
  const resize = op("ResizeBilinear", "ResizeBilinear", [expand, size], T());
  const [subY, mulY] = [constant("Sub/y", [], Float32Array.of(128)), constant("Mul/y", [], Float32Array.of(0.0078125))];
  const sub = op("Sub", "Sub", [resize, subY], T());
  const mul = op("Mul", "Mul", [sub, mulY], T());
  const nodes = [picture, cast, dim, expand, size, resize, subY, sub, mulY, mul, ...body(mul)];
  return [...nodes, ...head(nodes.at(-1)!, 1, "softmax/logits")];
}

export const classifyImageGraph = (without: readonly string[] = []): Uint8Array =>
  ofDecember2015(classifyImageNodes().filter(({ name }) => !without.includes(name)));

/** The same graph, which writes a file too when it is run. */
export function writingGraph(path: string): Uint8Array {
  const node = (name: string, kind: string, ...rest: Uint8Array[]) =>
    lengthField(1, Buffer.concat([lengthField(1, name), lengthField(2, kind), ...rest]));
  const attributeOf = (key: string, value: Uint8Array) =>
    lengthField(5, Buffer.concat([lengthField(1, key), lengthField(2, value)]));
  const text = (name: string, value: string) => {
    const tensor = Buffer.concat([numberField(1, STRING), lengthField(2, ""), lengthField(8, value)]);
    return node(
      name,
      "Const",
      attributeOf("dtype", numberField(6, STRING)),
      attributeOf("value", lengthField(8, tensor)),
    );
  };
  const write = node("write", "WriteFile", lengthField(3, "name"), lengthField(3, "content"));
  const nodes = classifyImageNodes().map((own) =>
    own.name === "pool_3" ? { ...own, after: [{ name: "write" } as GraphNode] } : own,
  );
  return Buffer.concat([ofDecember2015(nodes), text("name", path), text("content", "written"), write]);
}

/** In the form of TF-GAN's inceptionv1_for_inception_score.pb: it begins with a node that it lacks, Mul. */
export function tfganGraph(): Uint8Array {
  const nodes = body(op("Mul", "Placeholder", []));
  return ofDecember2015([...nodes, ...head(nodes.at(-1)!, -1, "logits")]);
}
