import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { OperatorFunction } from "rxjs";
import { writeArrowFile } from "../data/formats/arrow-file.ts";
import type { Batch } from "../data/batch.ts";
import type { RunEvent } from "../metrics/run-event.ts";
import { collect } from "./collect.ts";

/**
 * Collects `data` and writes it as one Arrow IPC file at the end, unless fewer than `total` examples arrived.
 *
 * @example
 * ```ts
 * dataBatches.pipe(saveExamples("samples.arrow", { total: 64 }));
 * ```
 * @returns Progress after every batch, and the path as the result `samples`.
 */
export function saveExamples(
  path: string,
  { total }: { readonly total: number },
): OperatorFunction<Batch<"data">, RunEvent> {
  return collect("data", path, { total, unit: "examples" }, async (parts, shape) => {
    const data = new Float32Array(parts.reduce((n, part) => n + part.length, 0));
    let offset = 0;
    for (const part of parts) {
      data.set(part, offset);
      offset += part.length;
    }
    mkdirSync(dirname(path), { recursive: true });
    await writeArrowFile(path, { data: { data, shape } });
  });
}
