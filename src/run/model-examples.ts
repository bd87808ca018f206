/** Examples as the callers of a loaded model have them, and as its network has them. */
import { lastValueFrom, map, pipe, toArray, type Observable, type OperatorFunction } from "rxjs";
import { bytes, floats, type Batch, type ColumnData } from "../data/batch.ts";
import { examplesOf } from "../data/examples.ts";
import type { ScoreFunction } from "../sde/score-function.ts";
import type { SDE } from "../sde/sde.ts";
import { evalBatches } from "../streams/batches.ts";
import { bitsPerDim, densityBitsPerDim } from "../streams/bits-per-dim.ts";
import { dequantize } from "../streams/dequantize.ts";
import { logLikelihood, type LogLikelihoodOptions } from "../streams/log-likelihood.ts";
import { quantize } from "../streams/quantize.ts";

type Options = LogLikelihoodOptions & { readonly batchSize: number };

export interface ModelExamples<A extends ColumnData> {
  /** No example. */
  readonly none: A;
  /** Prepares the examples for the network. */
  data(examples: A, options: Options): Observable<Batch<"data">>;
  /** Bits/dim of each, by batches. */
  bits(examples: A, score: ScoreFunction, sde: SDE, options: Options): Observable<Float32Array>;
  /** Converts the network's results to examples. */
  readonly examples: OperatorFunction<Batch<"data">, A>;
}

/** Values of all parts, in order. */
export async function joinedValues<A extends ColumnData>(parts: Observable<A>, none: A): Promise<A> {
  const found = await lastValueFrom(parts.pipe(toArray()));
  const out = new (none.constructor as new (length: number) => A)(found.reduce((sum, { length }) => sum + length, 0));
  found.reduce((at, part) => (out.set(part, at), at + part.length), 0);
  return out;
}

const valuesOfBits = map((batch: Batch<"bpd">) => floats(batch, "bpd").data);

/** Bytes [N, H, W, C], uniformly dequantized for the network. */
function imageExamples(shape: readonly number[], centered: boolean): ModelExamples<Uint8Array> {
  const dequantized = (images: Uint8Array, { batchSize, seed }: Options) => {
    if (!(images instanceof Uint8Array)) throw new TypeError("the model is of images: give bytes, a Uint8Array");
    return evalBatches(examplesOf(images, shape), "image", { batchSize }).pipe(
      dequantize("uniform", { seed, centered }),
    );
  };
  return {
    none: new Uint8Array(),
    data: dequantized,
    bits: (images, score, sde, options) =>
      dequantized(images, options).pipe(
        logLikelihood<"logQ">(score, sde, options),
        bitsPerDim({ levels: 256, centered }),
        valuesOfBits,
      ),
    examples: pipe(
      quantize({ centered }),
      map((batch) => bytes(batch, "image").data),
    ),
  };
}

/** Floats [N, ...shape], as they are. */
function vectorExamples(shape: readonly number[]): ModelExamples<Float32Array> {
  const data = (values: Float32Array, { batchSize }: Options) => {
    if (!(values instanceof Float32Array)) throw new TypeError("the model is of vectors: give floats, a Float32Array");
    return evalBatches(examplesOf(values, shape), "data", { batchSize });
  };
  return {
    none: new Float32Array(),
    data,
    bits: (values, score, sde, options) =>
      data(values, options).pipe(logLikelihood(score, sde, options), densityBitsPerDim(), valuesOfBits),
    examples: map((batch) => floats(batch, "data").data),
  };
}

/** The examples of a model of this shape: images where it is [H, W, C], else vectors. */
export const modelExamples = <A extends ColumnData>(shape: readonly number[], centered: boolean): ModelExamples<A> =>
  (shape.length === 3 ? imageExamples(shape, centered) : vectorExamples(shape)) as unknown as ModelExamples<A>;
