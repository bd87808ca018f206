/** The network as the frozen TensorFlow graph it was published as in December 2015. */
import type { Tensor, Tensor2D, Tensor4D } from "@tensorflow/tfjs";
import { graphNodes, loadFrozenGraph, type FrozenNode } from "../../engine/frozen-graph.ts";
import { isNative } from "../../engine/kernels.ts";
import { tf } from "../../engine/tf.ts";
import { UsageError } from "../../base/errors.ts";
import { listed } from "../../base/lists.ts";
import { INPUT_SIZE, type InceptionForm } from "./form.ts";

const POOL = "pool_3";
const REMEDY =
  "give classify_image_graph_def.pb of inception-2015-12-05.tgz, or TF-GAN's inceptionv1_for_inception_score.pb";

/** Nodes named in an error. */
const SHOWN = 12;

/** Lists the graph's inputs and last nodes, for errors. */
function inventory(nodes: readonly FrozenNode[]): string {
  const used = new Set(nodes.flatMap(({ inputs }) => inputs.map(nodeOf)));
  const entries = nodes.filter(({ op }) => op === "Placeholder").map(({ name }) => name);
  const ends = nodes.filter(({ name }) => !used.has(name)).map(({ name }) => name);
  const list = (names: readonly string[]) => listed(names, { shown: SHOWN, none: "none" });
  return `it has ${nodes.length} nodes, placeholders: ${list(entries)}; ends: ${list(ends)}`;
}

/** Name of the node that an input is of: `pool_3:0` -> `pool_3`. */
const nodeOf = (input: string) => input.replace(/^\^/, "").replace(/:\d+$/, "");
const tensorOf = (input: string) => (input.includes(":") ? input : `${input}:0`);

/** The input of the graph, and how images are prepared for it. */
interface Input {
  readonly tensor: string;
  readonly prepare: (images: Tensor4D) => Tensor4D;
}

/** TF-GAN's `preprocess_image`: TensorFlow 1's bilinear resize, then (x - 128) / 128. */
const preprocess = (images: Tensor4D): Tensor4D =>
  tf.div(tf.sub(tf.image.resizeBilinear(images, [INPUT_SIZE, INPUT_SIZE], false, false), 128), 128);

/** The whole graph resizes and scales itself; TF-GAN's begins after that. */
function inputOf(nodes: readonly FrozenNode[]): Input | undefined {
  const named = new Set(nodes.map(({ name }) => name));
  const uses = (name: string) => nodes.filter(({ inputs }) => inputs.map(nodeOf).includes(name));
  if (named.has("ExpandDims") && uses("ExpandDims").some(({ op }) => op === "ResizeBilinear")) {
    return { tensor: "ExpandDims:0", prepare: (images) => images };
  }
  return uses("Mul").length > 0 ? { tensor: "Mul:0", prepare: preprocess } : undefined;
}

/** Finds the source of the logits: a tensor [B, K], or the weights [D, K] of the last layer. */
function logitsOf(nodes: readonly FrozenNode[]): { readonly tensor: string; readonly weights: boolean } | undefined {
  const find = (wanted: string) => nodes.find(({ name }) => name === wanted);
  if (find("logits")) return { tensor: "logits:0", weights: false };
  // The whole graph's own logits are fixed to one image; so the weights are used on pool_3, without the bias.
  const weights = find("softmax/logits/MatMul")?.inputs[1];
  return weights === undefined ? undefined : { tensor: tensorOf(weights), weights: true };
}

/** Runs `compute`, naming the file where TensorFlow fails. */
function named<T>(path: string, compute: () => T): T {
  try {
    return compute();
  } catch (error) {
    throw new UsageError(`${path}: TensorFlow cannot run this graph: ${(error as Error).message}`, REMEDY, {
      cause: error,
    });
  }
}

/**
 * Opens the bytes of a frozen graph.
 *
 * @param path Named in errors.
 * @throws UsageError when the bytes are no graph, the graph has not the nodes of the network, or the engine cannot run it.
 * @see TTUR's fid.py (ExpandDims, pool_3), improved-gan's inception_score/model.py (softmax/logits/MatMul), TF-GAN's
 * classifier_metrics (Mul, pool_3, logits)
 */
export function frozenInception(bytes: Uint8Array, path: string): InceptionForm {
  if (!isNative()) {
    throw new UsageError(
      `${path}: only TensorFlow runs frozen graphs`,
      "npm run setup installs it; WebAssembly takes pytorch-fid's weights as safetensors",
    );
  }
  let nodes: readonly FrozenNode[];
  try {
    nodes = graphNodes(bytes);
  } catch (error) {
    throw new UsageError(`${path}: not a frozen TensorFlow graph: ${(error as Error).message}`, REMEDY, {
      cause: error,
    });
  }
  const refuse = (lack: string) => new UsageError(`${path}: the graph lacks ${lack}; ${inventory(nodes)}`, REMEDY);
  const input = inputOf(nodes);
  const logits = logitsOf(nodes);
  if (!input) throw refuse("an input: ExpandDims before a ResizeBilinear, or Mul");
  if (!nodes.some(({ name }) => name === POOL)) throw refuse(POOL);
  if (!logits) throw refuse("logits: a node of this name, or softmax/logits/MatMul");

  const graph = named(path, () =>
    loadFrozenGraph(bytes, { inputs: [input.tensor], outputs: [`${POOL}:0`, logits.tensor] }),
  );
  const run = (images: Tensor4D) =>
    named(path, () =>
      tf.tidy((): [Tensor2D, Tensor2D] => {
        const [pool, last] = graph.run(input.prepare(images)) as [Tensor, Tensor];
        const pool3 = pool.reshape<Tensor2D>([images.shape[0], -1]);
        return [pool3, logits.weights ? tf.matMul(pool3, last as Tensor2D) : last.reshape([images.shape[0], -1])];
      }),
    );
  try {
    // The sizes are known only once it has run.
    const found = tf.tidy(() => run(tf.zeros([1, 32, 32, 3])));
    tf.dispose(found);
    const [dims, classes] = found.map(({ shape }) => shape[1]) as [number, number];
    return { dims, classes, run, dispose: () => graph.dispose() };
  } catch (error) {
    graph.dispose();
    throw error;
  }
}
