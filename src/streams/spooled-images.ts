import type { Observable } from "rxjs";
import { createBatch, type Batch } from "../data/batch.ts";
import type { ImageSpool } from "../data/image-spool.ts";
import type { Credit } from "./credit.ts";
import { pull } from "./pull.ts";

export interface SpooledImagesOptions {
  readonly batchSize: number;
  readonly signal?: AbortSignal | undefined;
  readonly credit?: Credit | undefined;
}

/** Emits the images of a spool in order, as batches with `image`, uint8 [H, W, C]; the last one may be smaller. */
export function spooledImages(
  spool: ImageSpool,
  { batchSize, signal, credit }: SpooledImagesOptions,
): Observable<Batch<"image">> {
  return pull(function* () {
    let step = 0;
    for (const data of spool.read(batchSize)) {
      if (signal?.aborted) return;
      const info = { step, shard: 0, shards: 1, firstSample: step * batchSize };
      yield createBatch({ image: { data, shape: spool.shape } }, info);
      step++;
    }
  }, credit);
}
