/** Measures how fast the engine convolves. */
import type { NamedAttrMap, Tensor } from "@tensorflow/tfjs";
import { tf } from "./tf.ts";

/** GFLOP/s of each direction. */
export interface ConvolutionSpeed {
  readonly forward: number;
  readonly gradInput: number;
  readonly gradFilter: number;
}

const [N, SIZE, CHANNELS, KERNEL] = [16, 32, 64, 3];
const SHAPE: [number, number, number, number] = [N, SIZE, SIZE, CHANNELS];
const FILTER: [number, number, number, number] = [KERNEL, KERNEL, CHANNELS, CHANNELS];

/** Names the measured convolution. */
export const CONVOLUTION = `conv ${KERNEL}x${KERNEL}, N${N} ${SIZE}x${SIZE} ${CHANNELS}->${CHANNELS}, float32`;

/** A multiplication and an addition for each filter weight and pixel, those in the padding counted, as is usual. */
export const CONVOLUTION_FLOPS = 2 * N * SIZE * SIZE * KERNEL * KERNEL * CHANNELS * CHANNELS;

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** Median GFLOP/s of `repeats` rounds, each long enough for the clock. */
function measure(op: () => Tensor, repeats: number): number {
  const seconds = (count: number) => {
    const started = performance.now();
    for (let i = 0; i < count; i++) {
      const result = op();
      // A GPU works ahead: the last result says when all of them are there.
      if (i === count - 1) tf.tidy(() => tf.sum(result).dataSync());
      result.dispose();
    }
    return (performance.now() - started) / 1000;
  };
  seconds(2); // the first call prepares
  const count = Math.max(1, Math.ceil(0.05 / seconds(1)));
  return median(Array.from({ length: repeats }, () => (CONVOLUTION_FLOPS * count) / seconds(count) / 1e9));
}

/** Measures the three convolutions of a training step on the engine in use; takes a second or two. */
export function convolutionSpeed(repeats = 7): ConvolutionSpeed {
  const x = tf.randomNormal(SHAPE, 0, 1, "float32", 1);
  const dy = tf.randomNormal(SHAPE, 0, 1, "float32", 2);
  const filter = tf.randomNormal(FILTER, 0, 1, "float32", 3);
  const common = { strides: 1, pad: "same", dataFormat: "NHWC" };
  const kernel = (name: string, inputs: Record<string, Tensor>, attributes: NamedAttrMap) => () =>
    tf.engine().runKernel(name, inputs, { ...common, ...attributes }) as Tensor;
  try {
    return {
      forward: measure(kernel("Conv2D", { x, filter }, { dilations: 1 }), repeats),
      gradInput: measure(kernel("Conv2DBackpropInput", { dy, filter }, { inputShape: SHAPE }), repeats),
      gradFilter: measure(kernel("Conv2DBackpropFilter", { x, dy }, { filterShape: FILTER }), repeats),
    };
  } finally {
    tf.dispose([x, dy, filter]);
  }
}
