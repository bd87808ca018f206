import { concat, concatMap, defer, from, of, type OperatorFunction } from "rxjs";
import { writeFileAtomic } from "../data/formats/arrow-file.ts";
import { bytes, type Batch } from "../data/batch.ts";
import { imageArrowPieces } from "../data/formats/image-arrow.ts";
import type { ImageSpool } from "../data/image-spool.ts";
import { npzPieces } from "../data/formats/npz-stream.ts";
import { pngGrid } from "../data/formats/png-grid.ts";
import type { RunEvent } from "../metrics/run-event.ts";

/** Paths of the files to write; their folder must exist. */
export interface ImageFiles {
  /** PNG of the first images, at most {@link GRID}. */
  readonly grid: string;
  /** Arrow IPC file of all images, column `image`. */
  readonly arrow?: string | undefined;
  /** npz file of all images, array `samples` [N, H, W, C], as the reference writes them. */
  readonly npz?: string | undefined;
}

/** Options of {@link saveImages}. */
export interface SaveImagesOptions {
  readonly total: number;
  /** Images drawn earlier, which the source skips; new ones are added. The caller removes the spool. */
  readonly spool: ImageSpool;
}

/** Largest number of images in a grid, 20 x 20. */
export const GRID = 400;

async function write({ grid, arrow, npz }: ImageFiles, spool: ImageSpool): Promise<void> {
  const { shape, images } = spool;
  if (arrow) await writeFileAtomic(arrow, imageArrowPieces(shape, spool.read()));
  if (npz)
    await writeFileAtomic(
      npz,
      npzPieces("samples", [images, ...shape], () => spool.read()),
    );
  const [first] = spool.read(GRID);
  await writeFileAtomic(grid, [pngGrid(first!, shape)]);
}

/**
 * Writes images to files at the end, unless fewer than `total` arrived. Until then, they are in the spool on the disk,
 * not in memory.
 *
 * @example
 * ```ts
 * imageBatches.pipe(saveImages({ grid: "samples.png" }, { total: 64, spool }));
 * ```
 * @returns Progress after every batch, and the path of the grid as the result `samples`.
 */
export function saveImages(
  files: ImageFiles,
  { total, spool }: SaveImagesOptions,
): OperatorFunction<Batch<"image">, RunEvent> {
  return (source) =>
    defer(() => {
      const before: RunEvent[] = [{ type: "stage", name: "samples", total, unit: "images", phase: "sampling" }];
      if (spool.damage !== undefined) {
        before.push({ type: "message", text: `warning: ${spool.damage}: it and those after it are drawn anew` });
      }
      if (spool.images > 0) {
        before.push({ type: "message", text: `samples: going on after ${spool.images} images drawn before` });
        before.push({ type: "progress", done: spool.images });
      }
      const progress = source.pipe(
        concatMap((batch) => {
          spool.append(bytes(batch, "image").data);
          return of<RunEvent>({ type: "progress", done: spool.images });
        }),
      );
      const result = async (): Promise<RunEvent> => {
        await write(files, spool);
        return { type: "result", values: { samples: files.grid } };
      };
      return concat(
        from(before),
        progress,
        defer(() => (spool.images < total ? [] : result())),
      );
    });
}
