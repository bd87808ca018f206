/** A long training with page and metrics served: memory, descriptors and tensors stay what they are. */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { program } from "../scratch.ts";
import type { Outcome, Part, Scale } from "./part.ts";
import { MAIN, newFolder, startProgram } from "./program.ts";
import { set } from "./runs.ts";

const MINUTES: Record<Scale, number> = { quick: 6, full: 60 };
const LOOKS = 60;
/** MB a minute. */
const SLOPE = 1;

interface Look {
  readonly minutes: number;
  readonly megabytes: number;
  readonly descriptors: number;
  readonly tensors: number;
}

/** Slope of a line through points, by least squares. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (of: 0 | 1) => points.reduce((sum, point) => sum + point[of], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const over = points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0);
  return over / points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0);
}

const residentOf = (pid: number) => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1000; // prettier-ignore

async function soak(minutes: number): Promise<Outcome> {
  const folder = newFolder();
  const tensors = join(folder, "tensors");
  const argv = [
    ...["gaussian", "--workdir", join(folder, "run"), "--steps", "100000000", "--monitor", "127.0.0.1:0"],
    ...["--metrics-listen", "127.0.0.1:0", ...set("training.batchSize=64", "training.checkpointEvery=200")],
    ...set("training.logEvery=20", "engine.threads=1"),
  ];
  const preload = [pathToFileURL(program("./torture/soak/count.ts")).href];
  const started = startProgram({ file: MAIN, argv, preload, env: { SCORESTREAM_TENSORS: tensors }, most: 60 * minutes + 300 }); // prettier-ignore
  const { pid } = started;
  try {
    await started.says(/training: \d+\//);
    const looks: Look[] = [];
    const begun = performance.now();
    for (let i = 0; i < LOOKS; i++) {
      await delay((60_000 * minutes) / LOOKS);
      started.kill("SIGUSR2");
      await delay(500);
      looks.push({
        ...{ minutes: (performance.now() - begun) / 60_000, megabytes: residentOf(pid) },
        ...{ descriptors: readdirSync(`/proc/${pid}/fd`).length, tensors: Number(readFileSync(tensors, "utf8")) },
      });
    }
    return { tries: LOOKS, lost: judge(looks) };
  } finally {
    started.kill("SIGKILL");
    await started.ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What has grown; the first half is the time in which a run settles. */
export function judge(looks: readonly Look[]): string[] {
  const later = looks.slice(looks.length >> 1);
  const slope = slopeOf(later.map(({ minutes, megabytes }) => [minutes, megabytes]));
  const grew = (of: "descriptors" | "tensors") =>
    Math.min(...later.slice(later.length >> 1).map((look) => look[of])) > Math.max(...later.slice(0, later.length >> 1).map((look) => look[of])); // prettier-ignore
  return [
    ...(slope < SLOPE ? [] : [`memory grows by ${slope.toFixed(2)} MB a minute`]),
    ...(["descriptors", "tensors"] as const).filter(grew).map((of) => `${of}: ${later[0]![of]}, then ${later.at(-1)![of]}`), // prettier-ignore
  ];
}

export const soakPart: Part = {
  summary: "a long training with page and metrics: memory, descriptors, tensors; --minutes says how long",
  cases(scale, _, { minutes = MINUTES[scale] } = {}) {
    return [{ name: `a training of ${minutes} minutes`, run: () => soak(minutes) }];
  },
};
