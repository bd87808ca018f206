/** The stages without a network, and their share of a step. */
import { join } from "node:path";
import { writeArrowFile } from "../../src/data/formats/arrow-file.ts";
import { writeCase } from "../case-file.ts";
import { small } from "../cases.ts";
import type { BenchContext, SectionResult } from "../context.ts";
import { randomImages } from "../diffused.ts";
import { startOwn, startPeer } from "../peer.ts";
import type { StageTime } from "../protocol.ts";
import { spread } from "../statistics.ts";
import { spreadText, table } from "../tables.ts";

const IMAGES = 10_000;
const BATCHES = 100;
const STEPS = 2;

export async function stages(context: BenchContext): Promise<SectionResult> {
  const { scratch, repeats, cores, python, cache, say } = context;
  say("stages without a network, beside the compiled step");
  const arrow = join(scratch, "images.arrow");
  const { load, shape } = randomImages(IMAGES);
  await writeArrowFile(arrow, { image: { data: load(Array.from({ length: IMAGES }, (_, i) => i)), shape } });
  const casePath = join(scratch, "stages.safetensors");
  await writeCase(casePath, small);
  const own = startOwn("stages-peer.ts", arrow);
  const model = startPeer("compiled", { casePath, dropout: 0.1, threads: cores, python, cache }, cores - 1);
  const rounds: (readonly StageTime[])[] = [];
  const steps: number[] = [];
  try {
    await own.ask({ do: "stages", batches: BATCHES });
    await model.ask({ do: "train", steps: STEPS });
    for (let round = 0; round < repeats; round++) {
      say(`  round ${round + 1} of ${repeats}`);
      rounds.push((await own.ask({ do: "stages", batches: BATCHES })).stages!);
      steps.push((await model.ask({ do: "train", steps: STEPS })).wall! / STEPS);
    }
  } finally {
    await Promise.all([own.close(), model.close()]);
  }

  const rows = rounds[0]!.map(({ name, bytes }, i) => {
    const seconds = spread(rounds.map((round) => round[i]!.seconds));
    return { name, bytes, seconds, batchesPerSecond: 1 / seconds.median, bytesPerSecond: bytes / seconds.median };
  });
  const whole = rows.find(({ name }) => name.startsWith("all of it"))!;
  const step = spread(steps);
  const stageShare = whole.seconds.median / step.median;
  const { batchSize } = small.config.training;
  const cells = rows.map(({ name, bytes, seconds, batchesPerSecond, bytesPerSecond }) => [
    name,
    spreadText(seconds),
    Math.round(batchesPerSecond).toLocaleString("en"),
    bytes ? Math.round(bytesPerSecond / 1e6).toLocaleString("en") : "",
  ]);
  const head = ["stage", "wall ms a batch: median (min - max)", "batches/s", "MB/s"];
  const remark = `A compiled step takes ${spreadText(step)} ms beside it: the stages are ${(100 * stageShare).toFixed(2)} % of it.`;
  return {
    title: `Stages without a network (batches of ${batchSize})`,
    markdown: `${table(head, cells)}\n\n${remark}`,
    table: { rows, step },
    summary: { stageShare },
  };
}
