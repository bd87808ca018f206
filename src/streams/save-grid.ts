import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { OperatorFunction } from "rxjs";
import { writeFileAtomic } from "../data/arrow-file.ts";
import type { Batch } from "../data/batch.ts";
import { pngGrid } from "../data/png-grid.ts";
import type { RunEvent } from "../monitor/run-event.ts";
import { collect } from "./collect.ts";

/**
 * Collects images and writes them as one PNG grid at the end, unless some of `total` are missing.
 *
 * @returns Progress after every batch, and the path as the result `samples`.
 */
export function saveGrid(
  path: string,
  { total }: { readonly total: number },
): OperatorFunction<Batch<"image">, RunEvent> {
  return collect("image", path, { total, unit: "images" }, async (images, shape) => {
    mkdirSync(dirname(path), { recursive: true });
    const bytes = Buffer.concat(images as Uint8Array[]);
    await writeFileAtomic(path, [pngGrid(bytes, shape as [number, number, number])]);
  });
}
