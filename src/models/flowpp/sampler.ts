/** The dequantizer with its compiled functions: draws noise for images, and finds it again. */
import type { Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs";
import { compile, type Compiled } from "../../engine/compile.ts";
import { tf } from "../../engine/tf.ts";
import { layoutOf, unflatten, type ParameterLayout } from "../parameters.ts";
import type { Dequantizer } from "./dequantizer.ts";

/** Arrays are [B, H, W, C] or [B]; log-densities are in nats. */
export interface DequantizationSampler {
  readonly layout: ParameterLayout;
  /** u ~ q(u | x) in [0, 1] for standard normal `noise` and pixels divided by 255, and -log q(u | x). */
  draw(
    parameters: Tensor1D,
    noise: Float32Array,
    image: Float32Array,
  ): { readonly u: Float32Array; readonly negLogQ: Float32Array };
  /** The noise that {@link draw} turns into `u`, and the log-determinant of the inverse map. */
  recover(
    parameters: Tensor1D,
    u: Float32Array,
    image: Float32Array,
  ): { readonly noise: Float32Array; readonly logDet: Float32Array };
  /** Frees the graphs. */
  dispose(): void;
}

/** Compiles `dequantizer`; with `compile` false it runs eagerly. */
export function dequantizationSampler(
  dequantizer: Dequantizer,
  { compile: on }: { readonly compile: boolean },
): DequantizationSampler {
  const layout = layoutOf(dequantizer.parameters);
  const [H, W, C] = dequantizer.shape;
  const contextOf = (flat: Tensor) => ({ parameters: unflatten(layout, flat as Tensor1D) });
  const forward = compile(
    (flat, noise, image) => {
      const { u, negLogQ } = dequantizer.apply(contextOf(flat), noise as Tensor4D, image as Tensor4D);
      return [u, negLogQ];
    },
    { name: "dequantizer", compile: on },
  );
  // Its bisections would make a graph of thousands of nodes, for a function that is called a few times: run eagerly.
  const backward = compile(
    (flat, u, image) => {
      const { noise, logDet } = dequantizer.inverse(contextOf(flat), u as Tensor4D, image as Tensor4D);
      return [noise, logDet];
    },
    { name: "inverse dequantizer", compile: false },
  );

  const run = (fn: Compiled, parameters: Tensor1D, first: Float32Array, image: Float32Array) => {
    let values: Float32Array[] = [];
    // Kept out of tidy's result, which would be searched for tensors element by element.
    tf.tidy(() => {
      const images = [first, image].map((data) => tf.tensor4d(data, [data.length / (H * W * C), H, W, C]));
      values = fn(parameters, ...images).map((t) => t.dataSync() as Float32Array);
    });
    return values as [Float32Array, Float32Array];
  };
  return {
    layout,
    draw(parameters, noise, image) {
      const [u, negLogQ] = run(forward, parameters, noise, image);
      return { u, negLogQ };
    },
    recover(parameters, u, image) {
      const [noise, logDet] = run(backward, parameters, u, image);
      return { noise, logDet };
    },
    dispose: () => forward.dispose(),
  };
}
