/** Runs killed at their writes and in between, and gone on with: nothing may be lost, doubled or other. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { randomOf } from "../exchange-fuzz/random.ts";
import { HOOK } from "./kills/hooked.ts";
import { places, type Moment, type Order, type Place } from "./kills/places.ts";
import { difference, resultIn, type Result } from "./kills/result.ts";
import { scenarioNames, scenarios, type Scenario } from "./kills/scenarios.ts";
import type { Case, Outcome, Part, Scale } from "./part.ts";
import { newFolder, runProgram, type Ran } from "./program.ts";
import { stopInLook } from "./kills/stops.ts";
import { tryUntil } from "./kills/try-until.ts";

const TRIES: Record<Scale, number> = { quick: 2, full: 25 };
const MOMENTS: readonly Moment[] = ["before", "half", "after"];

/** A run that nobody disturbs. */
interface Whole {
  readonly result: Result;
  readonly seconds: number;
  readonly counts: Partial<Record<Place, number>>;
}

async function inFolder<T>(scenario: Scenario, work: (folder: string, base: string) => Promise<T>): Promise<T> {
  const base = newFolder();
  const folder = join(base, "run");
  try {
    await scenario.before?.(folder);
    return await work(folder, base);
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

const undisturbed = (scenario: Scenario): Promise<Whole> =>
  inFolder(scenario, async (folder, base) => {
    const counts = join(base, "counts.json");
    const env = { SCORESTREAM_KILL: JSON.stringify({ counts } satisfies Order) };
    const ran = await runProgram({ ...scenario.command(folder), env, preload: [HOOK] });
    if (ran.code !== 0) throw new Error(`${scenario.name} failed undisturbed, with ${ran.code}:\n${ran.stderr}`);
    const seen = JSON.parse(readFileSync(counts, "utf8")) as Whole["counts"];
    return { result: resultIn(folder, ran), seconds: ran.seconds, counts: seen };
  });

/** A kill, and how it is named. */
interface Kill {
  readonly what: string;
  readonly run: (folder: string) => Promise<Ran>;
}

function killAt(
  scenario: Scenario,
  place: Place | "any time",
  whole: Whole,
  random: ReturnType<typeof randomOf>,
): Kill {
  const command = scenario.command;
  if (place === "any time") {
    const seconds = whole.seconds * (0.3 + 0.7 * random.real());
    return { what: `after ${seconds.toFixed(2)} s`, run: (folder) => runProgram({ ...command(folder), killAfter: seconds }) }; // prettier-ignore
  }
  const order = { place, number: 1 + random.below(whole.counts[place]!), moment: random.of(MOMENTS) };
  const env = { SCORESTREAM_KILL: JSON.stringify(order satisfies Order) };
  return {
    what: `${order.moment} write ${order.number}`,
    run: (folder) => runProgram({ ...command(folder), env, preload: [HOOK] }),
  };
}

/** Kills once and goes on. @returns The loss; "too late" where the run was over before the kill. */
const killOnce = (scenario: Scenario, kill: Kill, whole: Whole): Promise<string | undefined> =>
  inFolder(scenario, async (folder) => {
    const killed = await kill.run(folder);
    if (killed.signal !== "SIGKILL") return killed.code === 0 ? "too late" : `exit code ${killed.code}, not killed`;
    const ran = await runProgram(scenario.command(folder));
    if (ran.code !== 0) return `gone on with, it ended with ${ran.signal ?? ran.code}: ${ran.stderr.slice(-300)}`;
    return difference(whole.result, resultIn(folder, ran));
  });

async function killSome(
  scenario: Scenario,
  place: Place | "any time",
  { tries, seed, whole }: { readonly tries: number; readonly seed: number; readonly whole: Whole },
): Promise<Outcome> {
  if (place !== "any time" && !whole.counts[place]) return { tries: 0, lost: [] };
  return tryUntil(tries, async (i) => {
    const random = randomOf(7919 * (seed * 1000 + i) + 17 * scenario.name.length + place.length);
    const kill = killAt(scenario, place, whole, random);
    const found = await killOnce(scenario, kill, whole);
    return found === undefined || found === "too late" ? found : `${kill.what}: ${found}`;
  });
}

export const killsPart: Part = {
  summary: "runs killed at their writes and in between, and gone on with",
  atOnce: 2,
  cases(scale, seed, { tries = TRIES[scale] } = {}) {
    let all: Promise<Scenario[]> | undefined;
    const wholes = new Map<string, Promise<Whole>>();
    const killed = scenarioNames.flatMap((name) =>
      (["any time", ...places] as const).map((place): Case => ({
        name: `${name}: ${place}`,
        async run() {
          const scenario = (await (all ??= scenarios())).find((one) => one.name === name)!;
          if (!wholes.has(name)) wholes.set(name, undisturbed(scenario));
          return killSome(scenario, place, { tries, seed, whole: await wholes.get(name)! });
        },
      })),
    );
    return [...killed, stopInLook(tries, seed)];
  },
};
