/** The network from pytorch-fid's weights, as safetensors. */
import type { Tensor, Tensor2D, Tensor4D } from "@tensorflow/tfjs";
import { parseSafetensors } from "../../data/formats/safetensors.ts";
import { compile } from "../../engine/compile.ts";
import { tf } from "../../engine/tf.ts";
import { fidNetwork } from "./fid-network.ts";
import { INPUT_SIZE, type InceptionForm } from "./form.ts";
import { FoldedWeights } from "./weights.ts";

/**
 * Prepares images like pytorch-fid: to [0, 1], bilinear with pixel centres at halves and without antialiasing, then to
 * [-1, 1].
 */
function prepare(images: Tensor4D): Tensor4D {
  const resized = tf.image.resizeBilinear(tf.div<Tensor4D>(images, 255), [INPUT_SIZE, INPUT_SIZE], false, true);
  return tf.sub(tf.mul(resized, 2), 1);
}

/**
 * Builds the network from the bytes of a file with pytorch-fid's tensor names.
 *
 * The logits leave `fc.bias` out, as the Inception score always did.
 *
 * @param path Named in errors.
 * @param compiled Whether it runs as a graph.
 * @throws UsageError when the file is malformed, or a tensor is missing, has another shape or is of
 * another network.
 * @see pytorch-fid's inception.py; improved-gan's inception_score/model.py for the logits
 */
export function safetensorsInception(bytes: Uint8Array, path: string, compiled: boolean): InceptionForm {
  const weights = new FoldedWeights(parseSafetensors(bytes, path), path);
  const { apply, channels } = fidNetwork(weights, "", 3);
  const { classes, weight } = weights.dense("fc", channels);
  weights.requireNoMore();
  const parameters = weights.arrays.map(({ data, shape }) => tf.tensor(data, shape));

  const network = (images: Tensor, ...tensors: Tensor[]): Tensor[] => {
    const maps = apply(tensors, prepare(images as Tensor4D));
    const pool3 = tf.mean(maps, [1, 2]) as Tensor2D;
    return [pool3, tf.matMul(pool3, tensors[weight] as Tensor2D)];
  };
  const run = compile(network, { name: "Inception", compile: compiled });
  return {
    dims: channels,
    classes,
    run: (images) => run(images, ...parameters) as [Tensor2D, Tensor2D],
    dispose() {
      run.dispose();
      tf.dispose(parameters);
    },
  };
}
