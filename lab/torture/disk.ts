/** A disk that is full at one of the writes of a run, and has space again when the command is given again. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { randomOf } from "../exchange-fuzz/random.ts";
import { HOOK } from "./kills/hooked.ts";
import { places, type Order, type Place } from "./kills/places.ts";
import { difference, resultIn, type Result } from "./kills/result.ts";
import { scenarioNames, scenarios, type Scenario } from "./kills/scenarios.ts";
import type { Case, Outcome, Part, Scale } from "./part.ts";
import { newFolder, runProgram } from "./program.ts";

const TRIES: Record<Scale, number> = { quick: 1, full: 10 };
/** MiB. */
const SIZE = 64;
/** Scenarios of little time. */
const QUICK = ["train", "sample", "prepare"];

/** Does work on a disk of its own. @throws Error where this user may not mount one. */
async function onDisk<T>(work: (disk: string) => Promise<T>): Promise<T> {
  const base = newFolder();
  const disk = join(base, "disk");
  mkdirSync(disk);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${SIZE}m`, "tmpfs", disk], { stdio: "pipe" });
  } catch (error) {
    rmSync(base, { recursive: true, force: true });
    throw new Error("the part disk mounts a small disk, which needs root", { cause: error });
  }
  try {
    return await work(disk);
  } finally {
    execFileSync("umount", [disk]);
    rmSync(base, { recursive: true, force: true });
  }
}

interface Whole {
  readonly result: Result;
  readonly counts: Partial<Record<Place, number>>;
}

const undisturbed = (scenario: Scenario): Promise<Whole> =>
  onDisk(async (disk) => {
    const [folder, counts] = [join(disk, "run"), join(disk, "counts.json")];
    await scenario.before?.(folder);
    const env = { SCORESTREAM_KILL: JSON.stringify({ counts } satisfies Order) };
    const ran = await runProgram({ ...scenario.command(folder), env, preload: [HOOK] });
    if (ran.code !== 0) throw new Error(`${scenario.name} failed undisturbed, with ${ran.code}:\n${ran.stderr}`);
    return { result: resultIn(folder, ran), counts: JSON.parse(readFileSync(counts, "utf8")) as Whole["counts"] };
  });

/** Fills the disk at one write, frees it, and goes on. @returns What was lost. */
const fillOnce = (scenario: Scenario, order: Order, whole: Whole): Promise<string | undefined> =>
  onDisk(async (disk) => {
    const [folder, filler] = [join(disk, "run"), join(disk, "filler")];
    await scenario.before?.(folder);
    const env = { SCORESTREAM_KILL: JSON.stringify({ ...order, filler } satisfies Order) };
    const full = await runProgram({ ...scenario.command(folder), env, preload: [HOOK] });
    if (full.signal) return `with a full disk it ended by ${full.signal}`;
    if (full.code !== 0 && !/no space left|ENOSPC/.test(full.stderr)) {
      return `exit code ${full.code} without a word of the disk: ${full.stderr.slice(-300)}`;
    }
    rmSync(filler, { force: true });
    const ran = await runProgram(scenario.command(folder));
    if (ran.code !== 0) return `gone on with, it ended with ${ran.signal ?? ran.code}: ${ran.stderr.slice(-300)}`;
    return difference(whole.result, resultIn(folder, ran));
  });

export const diskPart: Part = {
  summary: "a disk that is full at each kind of file, freed and gone on with",
  atOnce: 2,
  cases(scale, seed, { tries: wanted = TRIES[scale] } = {}) {
    let all: Promise<Scenario[]> | undefined;
    const wholes = new Map<string, Promise<Whole>>();
    const tried = scenarioNames.filter((name) => scale === "full" || QUICK.includes(name));
    return tried.flatMap((name) =>
      places.map((place): Case => ({
        name: `${name}: ${place}`,
        async run(): Promise<Outcome> {
          const scenario = (await (all ??= scenarios())).find((one) => one.name === name)!;
          if (!wholes.has(name)) wholes.set(name, undisturbed(scenario));
          const whole = await wholes.get(name)!;
          const count = whole.counts[place] ?? 0;
          const tries = count === 0 ? 0 : wanted;
          const lost: string[] = [];
          for (let i = 0; i < tries; i++) {
            const number = 1 + randomOf(7919 * (seed * 1000 + i) + 31 * name.length + place.length).below(count);
            const found = await fillOnce(scenario, { place, number }, whole);
            if (found !== undefined) lost.push(`full at write ${number}: ${found}`);
          }
          return { tries, lost };
        },
      })),
    );
  },
};
