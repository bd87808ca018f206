/** Examples to draw batches from, in memory or on the disk. */
import { createHash } from "node:crypto";
import type { ColumnData } from "./batch.ts";
import { evaluationOrder } from "./evaluation-order.ts";

/** Examples that are read by their indices, in any order. */
export interface Examples<A extends ColumnData = ColumnData> {
  readonly length: number;
  /** Shape of one example: `[H, W, C]` for images, `[]` for scalars. */
  readonly shape: readonly number[];
  /**
   * Returns the values of the examples with these indices, [B, ...shape].
   *
   * @throws RangeError when an index is out of range.
   */
  load(indices: ArrayLike<number>): A | Promise<A>;
  /** Closes the files, if there are any. */
  close(): void;
}

/** Examples in memory. */
export interface LoadedExamples<A extends ColumnData = ColumnData> extends Examples<A> {
  /** SHA-256 over the shape and all values in order, hexadecimal; computed on first access. */
  readonly digest: string;
  load(indices: ArrayLike<number>): A;
}

const widthOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** A hash takes less than 2^31 bytes at once. */
const PIECE = 2 ** 30;

function digestOf(data: ColumnData, length: number, shape: readonly number[]): string {
  const kind = data instanceof Uint8Array ? "uint8" : "float32";
  const hash = createHash("sha256").update(JSON.stringify([kind, length, ...shape]));
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  for (let at = 0; at < bytes.length; at += PIECE) hash.update(bytes.subarray(at, at + PIECE));
  return hash.digest("hex");
}

/**
 * Creates examples from values in memory, without copying them.
 *
 * @example
 * ```ts
 * const points = examplesOf(new Float32Array(2000), [2]); // 1000 points of two numbers
 * ```
 * @param values Values of all examples, [N, ...shape], row-major.
 * @param shape Shape of one example.
 * @throws RangeError when the values are not a whole number of examples.
 */
export function examplesOf<A extends ColumnData>(values: A, shape: readonly number[]): LoadedExamples<A> {
  const width = widthOf(shape);
  const length = values.length / width;
  if (!Number.isInteger(length)) {
    throw new RangeError(`${values.length} values are not a number of examples of shape [${shape.join(", ")}]`);
  }
  let digest: string | undefined;
  return {
    ...{ length, shape },
    load(indices) {
      const out = new (values.constructor as new (length: number) => A)(indices.length * width);
      for (let i = 0; i < indices.length; i++) {
        const index = indices[i]!;
        if (!(index >= 0 && index < length)) {
          throw new RangeError(`example ${index} is out of range: there are ${length}`);
        }
        out.set(values.subarray(index * width, (index + 1) * width), i * width);
      }
      return out;
    },
    close() {},
    get digest() {
      return (digest ??= digestOf(values, length, shape));
    },
  };
}

/**
 * Selects at most `limit` examples for an evaluation. Data are often sorted by class, so the selection is a random
 * sample, but always the same one.
 *
 * @returns The examples that `evaluationOrder` selects, in its order.
 */
export function evaluationExamples<A extends ColumnData>(examples: Examples<A>, limit: number): Examples<A> {
  const order = evaluationOrder(examples.length, limit);
  return {
    ...{ length: order.length, shape: examples.shape },
    load: (places) => examples.load(Uint32Array.from(places, (place) => order[place]!)),
    close: () => examples.close(),
  };
}
