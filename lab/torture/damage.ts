/** Files damaged one at a time, and the command given again: the same result, or a refusal by name whose remedy works. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomOf } from "../exchange-fuzz/random.ts";
import { damageEngine, engineFiles } from "./damage/engine.ts";
import { damages, kindsOfDamage, type Damage } from "./damage/kinds.ts";
import { follow } from "./damage/remedy.ts";
import { subjects, type Subject } from "./damage/subjects.ts";
import { resultIn } from "./kills/result.ts";
import type { Case, Outcome, Part, Scale } from "./part.ts";
import { newFolder, runProgram, type Ran } from "./program.ts";

const TRIES: Record<Scale, number> = { quick: 1, full: 10 };
/** In little time, every third pair of a file and a kind. */
const THIRD = 3;
/** Seconds that a damaged file may take longer than a whole one. */
const LONGER = 10;

interface Whole {
  readonly numbers: string;
  readonly seconds: number;
}
const numbersOf = (folder: string, ran: Ran) => resultIn(folder, ran).numbers.join(", ");

async function inFolder<T>(subject: Subject, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = join(newFolder(), "all");
  try {
    await subject.before(folder);
    return await work(folder);
  } finally {
    rmSync(join(folder, ".."), { recursive: true, force: true });
  }
}

const undamaged = (subject: Subject) =>
  inFolder(subject, async (folder): Promise<Whole> => {
    const ran = await runProgram(subject.command(folder));
    if (ran.code !== 0) throw new Error(`${subject.name} failed undamaged:\n${ran.stderr}`);
    return { numbers: numbersOf(folder, ran), seconds: ran.seconds };
  });

/** What is broken of a run with a damaged file; undefined when nothing is. */
async function brokenBy(subject: Subject, folder: string, whole: Whole): Promise<string | undefined> {
  const ran = await runProgram(subject.command(folder));
  if (ran.signal) return `it ended by ${ran.signal}`;
  const more = ran.seconds - 2 * whole.seconds;
  if (more > LONGER) return `it took ${Math.round(more)} s more`;
  if (ran.code === 0) {
    const numbers = numbersOf(folder, ran);
    return numbers === whole.numbers ? undefined : `other numbers with exit code 0: ${numbers}`;
  }
  if (ran.code !== 2 || !ran.stderr.includes("remedy:")) {
    return `exit code ${ran.code} without a remedy: ${ran.stderr.slice(-200)}`;
  }
  const done = follow(ran.stderr);
  const again = await runProgram(subject.command(folder));
  const numbers = numbersOf(folder, again);
  if (again.code === 0 && numbers === whole.numbers) return undefined;
  return `after its remedy (${done}): exit code ${again.code}, ${again.code === 0 ? numbers : again.stderr.slice(-300)}`;
}

interface Damaged {
  readonly file: string;
  readonly kind: Damage;
  readonly seed: number;
}

const tryOne = (subject: Subject, { file, kind, seed }: Damaged, whole: Whole) =>
  inFolder(subject, async (folder) => {
    const path = join(folder, file);
    // A lock is gone when its run is.
    const bytes = existsSync(path) ? readFileSync(path) : Buffer.from('{"pid":1}');
    const changed = damages[kind](bytes, randomOf(seed));
    if (!changed) return { tries: 0, lost: [] };
    writeFileSync(path, changed);
    const broken = await brokenBy(subject, folder, whole);
    return { tries: 1, lost: broken === undefined ? [] : [`${kind} by seed ${seed}: ${broken}`] };
  });

/** In little time, every fourth file of the engine, with one kind of damage: to make it anew takes a minute. */
const FOURTH = 4;
const ENGINE_TRIES: Record<Scale, number> = { quick: 1, full: 2 };

/** The files of the engine. */
const engineCases = (scale: Scale, seed: number, wanted = ENGINE_TRIES[scale]): Case[] =>
  engineFiles.flatMap((file, i) =>
    kindsOfDamage
      .filter(
        (_, kind) => scale === "full" || ((i + seed) % FOURTH === 1 && (kind + i + seed) % kindsOfDamage.length === 0),
      )
      .map((kind): Case => ({
        name: `engine: ${file}: ${kind}`,
        async run() {
          const all: Outcome[] = [];
          for (let n = 0; n < wanted; n++) all.push(await damageEngine(file, kind, 7919 * seed + 104_729 * n));
          return { tries: all.reduce((sum, { tries }) => sum + tries, 0), lost: all.flatMap(({ lost }) => lost) };
        },
      })),
  );

export const damagePart: Part = {
  summary: "files of the engine, of a workdir and of prepared data damaged, and the command given again",
  atOnce: 2,
  cases: (scale, seed, { tries } = {}) => [
    ...subjects.flatMap((subject) => {
      let whole: Promise<Whole> | undefined;
      return subject.files.flatMap((name, file) =>
        kindsOfDamage
          .filter((_, kind) => scale === "full" || (kind + file + seed) % THIRD === 0)
          .map((kind): Case => ({
            name: `${subject.name}: ${name}: ${kind}`,
            async run(): Promise<Outcome> {
              const reference = await (whole ??= undamaged(subject));
              const lost: string[] = [];
              let made = 0;
              const wanted = tries ?? TRIES[scale];
              for (let i = 0; i < wanted; i++) {
                const one = await tryOne(subject, { file: name, kind, seed: 7919 * seed + 104_729 * i }, reference);
                made += one.tries;
                lost.push(...one.lost);
              }
              return { tries: made, lost };
            },
          })),
      );
    }),
    ...engineCases(scale, seed, tries),
  ],
};
