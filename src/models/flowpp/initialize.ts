/** Data-dependent initialization of the dequantizer. */
import type { Tensor } from "@tensorflow/tfjs";
import { tf } from "../../engine/tf.ts";
import { layoutOf } from "../parameters.ts";
import { initialize, type Parameter } from "../scope.ts";
import type { Dequantizer } from "./dequantizer.ts";

/**
 * Parameters with which every norm, convolution and dense layer gives outputs of mean 0 and the variance it should
 * have on one batch; weights are a function of (seed, name).
 *
 * The bias of each layer belongs to its weights; the reference computes it from a second draw of the weights, so that
 * its outputs do not have mean 0.
 *
 * @param noise Standard normal, [B, H, W, C].
 * @param image In [0, 1], [B, H, W, C], B at least 2.
 * @returns The parameters in the layout of `layoutOf(dequantizer.parameters)`.
 * @throws UsageError when the batch holds a single image.
 * @see the reference's models/utils.py data_dependent_init_of_dequantizer
 */
export function initializeFromData(
  dequantizer: Dequantizer,
  seed: number,
  noise: Float32Array,
  image: Float32Array,
): Float32Array {
  const layout = layoutOf(dequantizer.parameters);
  const parameters: Record<string, Tensor> = {};
  const names = new Map<Tensor, string>();
  for (const slot of layout.slots) {
    const drawn = tf.tensor(initialize(slot, seed), [...slot.shape]);
    parameters[slot.name] = drawn;
    names.set(drawn, slot.name);
  }
  const adapt = (parameter: Parameter, value: Tensor) => {
    const drawn = parameter({ parameters });
    const name = names.get(drawn);
    if (name === undefined) throw new RangeError("initializeFromData: a parameter was set twice");
    // Layers run in tidies of their own.
    parameters[name] = tf.keep(value);
    drawn.dispose();
  };
  try {
    const [H, W, C] = dequantizer.shape;
    tf.tidy(() => {
      const images = (data: Float32Array) => tf.tensor4d(data, [data.length / (H * W * C), H, W, C]);
      dequantizer.apply({ parameters, adapt }, images(noise), images(image));
    });
    const flat = new Float32Array(layout.length);
    for (const { name, offset } of layout.slots) flat.set(parameters[name]!.dataSync() as Float32Array, offset);
    return flat;
  } finally {
    tf.dispose(parameters);
  }
}
