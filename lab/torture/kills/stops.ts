/** Trainings told to stop while they look at the run, and gone on with: the state is saved, and the numbers are the same. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { randomOf } from "../../exchange-fuzz/random.ts";
import type { Case, Outcome } from "../part.ts";
import { MAIN, newFolder, runProgram, startProgram, type Program } from "../program.ts";
import { imagesRun, preparedData, set } from "../runs.ts";
import { tryUntil } from "./try-until.ts";

/** The step before the look at step 3, which the record of that step waits for; and that step. */
const [BEFORE, AFTER] = [/training: 2\//, /training: 3\//];

/** A run that looks at itself once, and saves nothing before its end. */
const command = (data: string, workdir: string): Program => ({
  file: MAIN,
  argv: [
    ...[...imagesRun(data), "--steps", "6", "--workdir", workdir],
    ...set("training.snapshotEvery=3", "training.checkpointEvery=100"),
  ],
});

const NUMBERS = ["steps", "parameters", "bpd", "bound", "evalLoss"];

interface Whole {
  readonly numbers: string;
  /** The look, s. */
  readonly seconds: number;
}

const numbersOf = (summary: Readonly<Record<string, unknown>>) =>
  NUMBERS.map((name) => `${name} ${String(summary[name])}`).join(", ");

async function inFolder<T>(work: (program: Program, workdir: string) => Promise<T>): Promise<T> {
  const folder = newFolder();
  const workdir = join(folder, "run");
  try {
    return await work(command(await preparedData(), workdir), workdir);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const undisturbed = () =>
  inFolder(async (program): Promise<Whole> => {
    const started = startProgram(program);
    await started.says(BEFORE);
    const begun = performance.now();
    await started.says(AFTER);
    const seconds = (performance.now() - begun) / 1000;
    const { code, summary, stderr } = await started.ended;
    if (code !== 0) throw new Error(`a run with a look failed undisturbed, with ${code}:\n${stderr}`);
    return { numbers: numbersOf(summary), seconds };
  });

/** True when there is the state of the stop; a look saves the best state beside it. */
function isSaved(workdir: string): boolean {
  const folder = join(workdir, "checkpoints-meta");
  return existsSync(folder) && readdirSync(folder).some((name) => name.endsWith(".arrow"));
}

/** Stops a run so many seconds into its look, and goes on. @returns The loss; "too late" where the look was over. */
const stopOnce = (seconds: number, whole: Whole): Promise<string | undefined> =>
  inFolder(async (program, workdir) => {
    const started = startProgram(program);
    await started.says(BEFORE);
    await delay(1000 * seconds);
    started.kill("SIGTERM");
    const { code, stderr } = await started.ended;
    // The last that a look leaves; steps that were on their way are still told.
    if (existsSync(join(workdir, "samples", "nearest_3.png"))) return "too late";
    const said = stderr.slice(-300);
    if (code !== 143) return `SIGTERM in a look: it ended with ${code}: ${said}`;
    if (!stderr.includes("stopping: saving")) return `SIGTERM in a look: it does not say that it saves: ${said}`;
    if (!isSaved(workdir)) return `SIGTERM in a look: there is no checkpoint: ${said}`;
    const again = await runProgram(program);
    if (again.code !== 0)
      return `gone on with, it ended with ${again.signal ?? again.code}: ${again.stderr.slice(-300)}`;
    if (!existsSync(join(workdir, "samples", "nearest_3.png"))) return "the look that was cut short was not made again";
    const numbers = numbersOf(again.summary);
    return numbers === whole.numbers ? undefined : `other numbers: ${numbers}, without the stop ${whole.numbers}`;
  });

/** Stops at moments of a look that follow from the seed. */
export const stopInLook = (tries: number, seed: number): Case => ({
  name: "train: SIGTERM in a look",
  async run(): Promise<Outcome> {
    const whole = await undisturbed();
    return tryUntil(tries, async (i) => {
      const seconds = whole.seconds * randomOf(7919 * (seed * 1000 + i) + 5).real();
      const found = await stopOnce(seconds, whole);
      return found === undefined || found === "too late" ? found : `after ${seconds.toFixed(2)} s: ${found}`;
    });
  },
});
