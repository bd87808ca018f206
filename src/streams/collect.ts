import { concat, concatMap, defer, startWith, type OperatorFunction } from "rxjs";
import { column, type Batch, type Column } from "../data/batch.ts";
import type { RunEvent } from "../metrics/run-event.ts";

/** Options of {@link collect}. */
export interface CollectOptions {
  /** Number of examples to expect. */
  readonly total: number;
  /** Name of the samples in the progress display. */
  readonly unit: string;
}

/**
 * Collects a column of all samples and writes it at the end, unless fewer than `total` arrived.
 *
 * @example
 * ```ts
 * dataBatches.pipe(
 *   collect("data", "samples.json", { total: 64, unit: "samples" }, async (parts, shape) => {
 *     console.log(shape, parts.length);
 *   }),
 * );
 * ```
 * @param write Writes the column's values from all batches; called once.
 * @returns Progress after every batch, and the path as the result `samples`.
 */
export function collect<C extends string>(
  name: C,
  path: string,
  { total, unit }: CollectOptions,
  write: (parts: readonly Column["data"][], shape: readonly number[]) => Promise<void>,
): OperatorFunction<Batch<C>, RunEvent> {
  return (source) =>
    defer(() => {
      const parts: Column["data"][] = [];
      let shape: readonly number[] = [];
      let done = 0;
      const progress = source.pipe(
        concatMap((batch): RunEvent[] => {
          const values = column(batch, name);
          parts.push(values.data);
          shape = values.shape;
          done += batch.size;
          return [{ type: "progress", done }];
        }),
        startWith<RunEvent>({ type: "stage", name: "samples", total, unit, phase: "sampling" }),
      );
      const result = async (): Promise<RunEvent> => {
        await write(parts, shape);
        return { type: "result", values: { samples: path } };
      };
      return concat(
        progress,
        defer(() => (done < total ? [] : result())),
      );
    });
}
