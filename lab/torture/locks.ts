/** Locks of workdirs: stale ones, ones of the future, removed ones, and launchers that are gone. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { program } from "../scratch.ts";
import type { Case, Part, Scale } from "./part.ts";
import { MAIN, newFolder, PROJECT, runProgram, startCommand, startProgram, type Started } from "./program.ts";
import { gaussianRun, set } from "./runs.ts";

/** Folders of a race, and programs that race. */
const FOLDERS: Record<Scale, number> = { quick: 50, full: 1000 };
const RACERS = 3;
/** Above the largest process number of Linux. */
const GONE = 2 ** 22 + 1;
/** Seconds in which a program has to notice. */
const NOTICED = 30;

/** Each work gets a folder of its own, and returns what was lost. */
const one = (work: (folder: string) => Promise<string | undefined>): Case["run"] => async () => {
  const folder = newFolder();
  try {
    const lost = await work(folder);
    return { tries: 1, lost: lost === undefined ? [] : [lost] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}; // prettier-ignore

/** A training that goes on until it is told to stop. */
const endless = (workdir: string) => ["gaussian", "--workdir", workdir, "--steps", "1000000", ...set("engine.threads=1", "training.logEvery=10")]; // prettier-ignore

async function race(count: number): Promise<{ tries: number; lost: string[] }> {
  const folder = newFolder();
  try {
    for (let i = 0; i < count; i++) {
      mkdirSync(join(folder, `w${i}`));
      writeFileSync(join(folder, `w${i}`, ".lock"), JSON.stringify({ pid: GONE, host: hostname() }));
    }
    const file = program("../test/run/lock-race.ts");
    const racers = Array.from({ length: RACERS }, () => startProgram({ file, argv: [folder] }));
    const won = (await Promise.all(racers.map(({ printed }) => printed))).flatMap((text) => text.trim().split("\n"));
    const times = (name: string) => won.filter((path) => path === join(folder, name)).length;
    const names = Array.from({ length: count }, (_, i) => `w${i}`);
    const lost = names.filter((name) => times(name) !== 1).map((name) => `${name} was taken by ${times(name)}`);
    return { tries: count, lost };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Waits for a condition. @returns False when it did not come in time. */
async function within(seconds: number, holds: () => boolean): Promise<boolean> {
  for (const last = Date.now() + 1000 * seconds; Date.now() < last; await delay(50)) if (holds()) return true;
  return false;
}

const isThere = (pid: number) => existsSync(`/proc/${pid}`) && !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8")); // prettier-ignore

/** Ends what started a training, and looks whether the training saves and ends, too. */
async function orphan(started: Started, workdir: string, signal: NodeJS.Signals): Promise<string | undefined> {
  await started.says(/training: \d+\//);
  const { pid } = JSON.parse(readFileSync(join(workdir, ".lock"), "utf8")) as { pid: number };
  started.kill(signal);
  if (!(await within(NOTICED, () => !isThere(pid)))) {
    process.kill(pid, "SIGKILL");
    return `process ${pid} trains on`;
  }
  if (existsSync(join(workdir, ".lock"))) return "it left its lock";
  const saved = join(workdir, "checkpoints-meta");
  return existsSync(saved) && readdirSync(saved).some((name) => name.endsWith(".arrow")) ? undefined : "it saved nothing"; // prettier-ignore
}

export const locksPart: Part = {
  summary: "stale locks taken at once, locks of the future, workdirs removed, launchers gone",
  cases: (scale) => [
    { name: `stale locks, each taken by ${RACERS} at once`, run: () => race(FOLDERS[scale]) },
    {
      name: "an empty lock of the future",
      run: one(async (folder) => {
        const [workdir, later] = [join(folder, "run"), Date.now() / 1000 + 86_400];
        mkdirSync(workdir);
        writeFileSync(join(workdir, ".lock"), "");
        utimesSync(join(workdir, ".lock"), later, later);
        const { code, stderr } = await runProgram({ file: MAIN, argv: [...gaussianRun, "--workdir", workdir] });
        return code === 0 ? undefined : `exit code ${code}: ${stderr.slice(-200)}`;
      }),
    },
    {
      name: "a workdir removed while it is used",
      run: one(async (folder) => {
        const workdir = join(folder, "run");
        const started = startProgram({ file: MAIN, argv: endless(workdir) });
        await started.says(/training: \d+\//);
        // The run creates files all the time: only a folder that has no name any more becomes empty.
        renameSync(workdir, join(folder, "removed"));
        rmSync(join(folder, "removed"), { recursive: true });
        if (!(await within(NOTICED, () => !started.running()))) {
          started.kill("SIGKILL");
          return "it trains on";
        }
        const { code, signal, stderr } = await started.ended;
        return code === 1 && /was removed|ENOENT|no such file/.test(stderr) ? undefined : `it ended with ${signal ?? code}: ${stderr.slice(-200)}`; // prettier-ignore
      }),
    },
    {
      name: "the launcher killed",
      run: one((folder) => {
        const workdir = join(folder, "run");
        const launcher = [process.execPath, join(PROJECT, "scripts/run.mjs"), MAIN, ...endless(workdir)];
        return orphan(startCommand(launcher), workdir, "SIGKILL");
      }),
    },
    {
      name: "npm told to stop",
      run: one((folder) => {
        const workdir = join(folder, "run");
        const npm = ["npm", "run", "pipeline", "--", ...endless(workdir)];
        return orphan(startCommand(npm, { cwd: PROJECT }), workdir, "SIGTERM");
      }),
    },
  ],
};
