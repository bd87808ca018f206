/** The pipeline before the network: from images to what the loss is computed from. */
import type { Observable } from "rxjs";
import type { Config } from "../src/run/config.ts";
import { sdeOf, weightingOf } from "../src/run/from-config.ts";
import { densityOf } from "../src/streams/score-matching.ts";
import type { Batch } from "../src/data/batch.ts";
import { fillBits, randomKey } from "../src/base/random.ts";
import type { Credit } from "../src/streams/credit.ts";
import { dequantize } from "../src/streams/dequantize.ts";
import { flip } from "../src/streams/flip.ts";
import { type Examples, examplesOf, type LoadedExamples } from "../src/data/examples.ts";
import { trainBatches } from "../src/streams/batches.ts";
import { perturb } from "../src/streams/perturb.ts";
import { sampleTime } from "../src/streams/sample-time.ts";

/** Images of random bytes in the shape of CIFAR-10: the time of no stage depends on the values. */
export function randomImages(length: number): LoadedExamples<Uint8Array> {
  const words = new Uint32Array(length * 768);
  fillBits(randomKey(0, "data"), words);
  return examplesOf(new Uint8Array(words.buffer), [32, 32, 3]);
}

/** As the pipeline cifar10 has it: flip, dequantize, sample a time, add noise. */
export function diffused(
  config: Config,
  steps: number,
  examples: Examples = randomImages(512),
  credit?: Credit,
): Observable<Batch<"t" | "noise" | "perturbed">> {
  const { seed, training, data } = config;
  const { batchSize, smallestTime: eps } = training;
  const sde = sdeOf(config);
  return trainBatches(examples, "image", { batchSize, shards: 1, seed, from: 0, to: steps, credit }).pipe(
    flip({ seed }),
    dequantize("uniform", { seed, centered: data.centered }),
    sampleTime(sde, { eps, density: densityOf(weightingOf(config)), seed }),
    perturb(sde, { seed }),
  );
}
