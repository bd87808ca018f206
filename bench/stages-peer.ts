/** Times every stage that needs no network: stages-peer.ts ARROW_FILE. */
import { concatMap, from, lastValueFrom, map, of, toArray, type Observable } from "rxjs";
import { sdeOf, weightingOf } from "../src/run/from-config.ts";
import { readArrowFile } from "../src/data/formats/arrow-file.ts";
import { bytes, type Batch, type Column } from "../src/data/batch.ts";
import { loadEngine } from "../src/engine/load.ts";
import { tf } from "../src/engine/tf.ts";
import { withCredit } from "../src/streams/credit.ts";
import { dequantize } from "../src/streams/dequantize.ts";
import { flip } from "../src/streams/flip.ts";
import { type Examples, examplesOf } from "../src/data/examples.ts";
import { trainBatches } from "../src/streams/batches.ts";
import { perturb } from "../src/streams/perturb.ts";
import { sampleTime } from "../src/streams/sample-time.ts";
import { lossInputs } from "../src/streams/score-matching.ts";
import { small } from "./cases.ts";
import { diffused } from "./diffused.ts";
import { serve, type StageTime } from "./protocol.ts";

const [path] = process.argv.slice(2) as [string];
await loadEngine();
const { config } = small;
const { seed, training, data } = config;
const { batchSize } = training;
const sde = sdeOf(config);
const importance = weightingOf(config) === "importance";

function examples(): Examples {
  const { data, shape } = readArrowFile(path).columns.get("image") as Column<Uint8Array>;
  return examplesOf(data, shape);
}

async function timed<T>(name: string, bytes: number, batches: number, run: () => Promise<T>): Promise<[T, StageTime]> {
  const started = performance.now();
  const result = await run();
  const seconds = (performance.now() - started) / 1000 / batches;
  return [result, { name, seconds, bytes }];
}

/** Hands an array over and waits for it to reach TensorFlow's memory. */
function upload(values: Float32Array | Uint8Array): void {
  tf.tidy(() => {
    const tensor = tf.tensor1d(values, values instanceof Uint8Array ? "int32" : "float32");
    tf.slice1d(tensor, 0, 1).dataSync();
  });
}

function uploadInputs(batch: Batch<"t" | "noise" | "perturbed">): void {
  for (const values of Object.values(lossInputs(batch, sde, weightingOf(config)))) upload(values as Float32Array);
}

const all = <T>(stream: Observable<T>) => lastValueFrom(stream.pipe(toArray()));

async function stages(batches: number): Promise<StageTime[]> {
  const pixels = batchSize * 3072;
  const options = { batchSize, shards: 1, seed, from: 0, to: batches };
  const [read, reading] = await timed("read the Arrow file", pixels, 1, async () => examples());
  const perFile = { ...reading, seconds: (reading.seconds * batchSize) / read.length };
  const [images, gathering] = await timed("shuffle and gather (uint8)", pixels, batches, () =>
    all(trainBatches(read, "image", options)),
  );
  const [, direct] = await timed("gathered batch to tensor (uint8 to int32)", pixels, batches, async () => {
    for (const batch of images) upload(bytes(batch, "image").data);
  });
  const [flipped, flipping] = await timed("flip", pixels, batches, () => all(from(images).pipe(flip({ seed }))));
  const [dequantized, dequantizing] = await timed("dequantize (to float32)", 4 * pixels, batches, () =>
    all(from(flipped).pipe(dequantize("uniform", { seed, centered: data.centered }))),
  );
  const [withTimes, sampling] = await timed("sample times", 4 * pixels, batches, () =>
    all(
      from(dequantized).pipe(
        sampleTime(sde, { eps: training.smallestTime, density: importance ? "likelihood" : "uniform", seed }),
      ),
    ),
  );
  const [perturbed, perturbing] = await timed("draw noise and perturb", 8 * pixels, batches, () =>
    all(from(withTimes).pipe(perturb(sde, { seed }))),
  );
  const [, uploading] = await timed("loss inputs to tensors", 8 * pixels, batches, async () => {
    for (const batch of perturbed) uploadInputs(batch);
  });
  const [, whole] = await timed("all of it, from the Arrow file to tensors", pixels, batches, () =>
    withCredit(2, (credit) =>
      diffused(config, batches, examples(), credit).pipe(map(uploadInputs), credit.refund()),
    ).forEach(() => {}),
  );
  const [, piping] = await timed("RxJS: eight stages that do nothing", 0, 100 * batches, async () => {
    const one = map((batch: unknown) => batch);
    const hand = concatMap((batch: unknown) => of(batch));
    for (let i = 0; i < 100; i++)
      await from(perturbed)
        .pipe(one, one, one, hand, one, one, one, hand)
        .forEach(() => {});
  });
  return [perFile, gathering, direct, flipping, dequantizing, sampling, perturbing, uploading, whole, piping];
}

await serve({ stages: async ({ batches }) => ({ stages: await stages(batches!) }) });
