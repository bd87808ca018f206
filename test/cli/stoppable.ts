/**
 * The command line around a pipeline that takes 20 ms a step, forever, and 100 ms or SAVING_MS to save; for tests of
 * signals. Arguments as for `npm run pipeline`.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { from } from "rxjs";
import { pipelineMain } from "../../src/cli/main.ts";
import type { RunContext, RunEvent } from "../../src/run/pipeline.ts";
import type { Engine } from "../../src/engine/load.ts";

async function* steps({ signal, workdir }: RunContext): AsyncGenerator<RunEvent> {
  yield { type: "stage", name: "training", unit: "steps" };
  let step = 0;
  while (!signal.aborted) {
    await sleep(20);
    yield { type: "progress", done: ++step };
    if (step === 1) yield { type: "message", text: "first step done" };
  }
  await sleep(Number(process.env["SAVING_MS"] ?? 100));
  const checkpoint = join(workdir, "saved");
  writeFileSync(checkpoint, String(step));
  yield { type: "result", values: { steps: step, checkpoint } };
}

const exitCode = await pipelineMain(process.argv.slice(2), {
  registry: {
    names: async () => ["forever"],
    load: async () => ({
      summary: "never ends",
      reaches: "Nothing.",
      defaults: {},
      presets: { quick: {}, paper: {}, paper_deep: {} },
      run: (context) => from(steps(context)),
    }),
  },
  loadEngine: async () =>
    ({ name: "tensorflow", version: "2.21.0", device: "CPU", threads: 1, native: true }) as Engine,
});
process.exit(exitCode);
