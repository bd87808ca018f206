/**
 * Makes faults and says what was lost: `npm run torture -- --quick`, `--full`, `--only PART`, `--seed N`, `--tries N`.
 *
 * Cases that are done are kept in `runs/torture`, so that the same command goes on where it was interrupted.
 */
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { format } from "prettier";
import { from, lastValueFrom, mergeMap } from "rxjs";
import { planOf, simulate } from "../lab/exchange-simulation/simulate.ts";
import { damagePart } from "../lab/torture/damage.ts";
import { diskPart } from "../lab/torture/disk.ts";
import { exchangePart } from "../lab/torture/exchange.ts";
import { locksPart } from "../lab/torture/locks.ts";
import type { Case, Outcome, Part, Scale } from "../lab/torture/part.ts";
import { killsPart } from "../lab/torture/kills.ts";
import { readersPart } from "../lab/torture/readers/readers.ts";
import { serversPart } from "../lab/torture/servers.ts";
import { soakPart } from "../lab/torture/soak.ts";
import { reliabilityPage, type Tried } from "../lab/torture/report.ts";
import { codeVersion } from "../src/base/code-version.ts";
import { ProgressFile } from "../src/data/formats/progress-file.ts";

const parts: Readonly<Record<string, Part>> = {
  readers: readersPart,
  kills: killsPart,
  damage: damagePart,
  disk: diskPart,
  locks: locksPart,
  servers: serversPart,
  soak: soakPart,
  exchange: exchangePart,
};
const PAGE = "docs/lab/reliability.md";

interface Options {
  readonly full: boolean;
  readonly only?: string;
  readonly case?: string;
  readonly seed: number;
  readonly minutes?: number;
  readonly tries?: number;
  readonly again: boolean;
  readonly write: boolean;
  readonly trace?: number;
}

const whole = (text: string): number => {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("a whole number belongs there");
  return Number(text);
};

function parse(argv: readonly string[]): Options {
  const program = new Command("npm run torture --")
    .description("makes faults and says what was lost; what is done is not done again")
    .option("--quick", "minutes; the default")
    .option("--full", "hours", false)
    .option("--only <part>", Object.entries(parts).map(([name, { summary }]) => `${name}: ${summary}`).join("; "))
    .option("--case <text>", "only cases with this in their names")
    .option("--seed <n>", "fixes every fault", whole, 1)
    .option("--tries <n>", "how often each kill, damage and full disk is made; default 25, 10 and 10 with --full", whole)
    .option("--minutes <n>", "how long the soak lasts; default 6, and 60 with --full", whole)
    .option("--done", "go on after what was done by the same code; the default")
    .option("--again", "do again what was done", false)
    .option("--write", `write ${PAGE} after each case`, false)
    .option("--trace <seed>", "show what happens in one simulation of the exchange", whole)
    .exitOverride(); // prettier-ignore
  try {
    program.parse(argv, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : 2);
    throw error;
  }
  const options = program.opts<Options>();
  if (options.only === undefined || options.only in parts) return options;
  console.error(
    `error: --only ${options.only}: there is no such part\n  remedy: one of ${Object.keys(parts).join(", ")}`,
  );
  process.exit(2);
}

/** The wanted cases of one part, and those of them that are done. */
interface Planned {
  readonly part: string;
  readonly cases: readonly Case[];
  readonly done: ProgressFile<Tried>;
}

function plan(part: string, scale: Scale, { seed, again, minutes, tries, case: only = "" }: Options): Planned {
  const many = tries === undefined ? "" : `-${tries}-tries`;
  const path = join("runs", "torture", `${part}-${scale}-${seed}${many}.jsonl`);
  if (again) rmSync(path, { force: true });
  const cases = parts[part]!.cases(scale, seed, { minutes, tries }).filter(({ name }) => name.includes(only));
  return { part, cases, done: new ProgressFile<Tried>(path, { code: codeVersion(), scale, seed }) };
}

/** True where a run has nothing of the kind. */
const isEmpty = ({ tries, lost }: Outcome) => tries === 0 && lost.length === 0;

/** The results of the cases, in their order. */
const doneOf = ({ cases, done }: Planned): Tried[] =>
  cases.flatMap(({ name }) => done.entries.filter((entry) => entry.name === name && !isEmpty(entry)));

/** Runs the cases of one part that are not done yet. */
async function runPart({ part, cases, done }: Planned, whenever: () => Promise<void>): Promise<void> {
  const one = async ({ name, run }: Case) => {
    const since = performance.now();
    const outcome = await run();
    const seconds = Math.round((performance.now() - since) / 100) / 10;
    done.append({ part, name, seconds, ...outcome });
    if (isEmpty(outcome)) return;
    console.log(`${part}: ${name}: ${outcome.tries} tries, ${outcome.lost.length} lost, ${seconds} s`);
    for (const line of outcome.lost) console.log(`  ${line}`);
    await whenever();
  };
  const rest = cases.filter(({ name }) => !done.entries.some((entry) => entry.name === name));
  const { atOnce = 1 } = parts[part]!;
  await lastValueFrom(from(rest).pipe(mergeMap(one, Math.min(atOnce, availableParallelism()))), { defaultValue: undefined }); // prettier-ignore
}

const options = parse(process.argv.slice(2));
if (options.trace !== undefined) {
  console.log([JSON.stringify(planOf(options.trace)), ...simulate(options.trace).log].join("\n"));
  process.exit(0);
}
const scale: Scale = options.full ? "full" : "quick";
const planned = (options.only === undefined ? Object.keys(parts) : [options.only]).map((part) => plan(part, scale, options)); // prettier-ignore
const command = `npm run torture -- ${process.argv.slice(2).join(" ")}`;
async function writePage(): Promise<void> {
  if (!options.write) return;
  const page = reliabilityPage(command, planned.flatMap(doneOf)); // prettier-ignore
  writeFileSync(PAGE, await format(page, { parser: "markdown", printWidth: 130 }));
}
for (const one of planned) await runPart(one, writePage);
await writePage();
const tried = planned.flatMap(doneOf);
const lost = tried.reduce((sum, one) => sum + one.lost.length, 0);
console.log(`${lost} lost in ${tried.reduce((sum, one) => sum + one.tries, 0)} tries of ${tried.length} cases`);
process.exitCode = lost > 0 ? 1 : 0;
