import { concat, concatMap, defer, startWith, type ObservableInput, type OperatorFunction } from "rxjs";
import { floats, type Batch } from "../data/batch.ts";
import type { RunEvent } from "../metrics/run-event.ts";
import type { Features } from "../quality/features.ts";

export interface CollectFeaturesOptions {
  /** Stage name shown to the user. */
  readonly stage: string;
  /** Names the images in errors: "the samples". */
  readonly name: string;
  /** Number of images to expect; further ones are ignored. */
  readonly total: number;
}

/**
 * Collects columns of features, [total, dims] each. At the end it passes them to `use`, unless some are missing.
 *
 * @param columns The columns to keep; each holds total x dims x 4 bytes.
 * @returns Progress after every batch, then the events of `use`.
 */
export function collectFeatures<C extends string>(
  columns: readonly C[],
  { stage, name, total }: CollectFeaturesOptions,
  use: (features: Record<C, Features>) => ObservableInput<RunEvent>,
): OperatorFunction<Batch<C>, RunEvent> {
  return (source) =>
    defer(() => {
      const found = new Map<C, { readonly data: Float32Array; readonly dims: number }>();
      let done = 0;
      const progress = source.pipe(
        concatMap((batch): RunEvent[] => {
          const rows = Math.min(batch.size, total - done);
          for (const column of columns) {
            const { data, shape } = floats(batch, column);
            const dims = shape[0]!;
            const kept = found.get(column) ?? { data: new Float32Array(total * dims), dims };
            kept.data.set(data.subarray(0, rows * dims), done * dims);
            found.set(column, kept);
          }
          done += rows;
          return [{ type: "progress", done }];
        }),
        startWith<RunEvent>({ type: "stage", name: stage, total, unit: "images", phase: "evaluating_quality" }),
      );
      const features = () =>
        Object.fromEntries([...found].map(([column, kept]) => [column, { name, rows: total, ...kept }])) as Record<
          C,
          Features
        >;
      return concat(
        progress,
        defer(() => (done < total ? [] : use(features()))),
      );
    });
}
