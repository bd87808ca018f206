/** Parses the options of the bench. */
import { Command, CommanderError, Option } from "commander";
import { UsageError } from "../src/base/errors.ts";

export const SECTIONS = ["step", "likelihood", "sampling", "stages", "growth", "data", "exchange"] as const;
export type SectionName = (typeof SECTIONS)[number];

export interface BenchOptions {
  /** The small model, mostly on one thread, few repeats. */
  readonly quick: boolean;
  /** Sections to run. */
  readonly sections: readonly SectionName[];
  /** Interleaved rounds of each measurement. */
  readonly repeats: number;
}

/** @throws UsageError for an option it does not know. */
export function parseOptions(argv: readonly string[]): BenchOptions {
  const program = new Command("npm run bench --")
    .description("measures ScoreStream beside PyTorch and JAX and writes bench/results/latest.md and latest.json")
    .option("--quick", "a short form: the small model, mostly on one thread, few repeats", false)
    .addOption(
      new Option("--only <name>", "only this section; repeatable")
        .choices(SECTIONS)
        .argParser((name: string, before: string[] = []) => [...before, name]),
    )
    .option("--repeats <n>", "interleaved rounds, default 7, with --quick 3")
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  try {
    program.parse(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) process.exit(0);
    throw new UsageError(error.message.replace(/^error: /, ""), "npm run bench -- --help lists the options");
  }
  const { quick, only, repeats } = program.opts<{ quick: boolean; only?: string[]; repeats?: string }>();
  const unknown = only?.find((name) => !SECTIONS.includes(name as SectionName));
  if (unknown) throw new UsageError(`--only ${unknown}: no such section`, `one of ${SECTIONS.join(", ")}`);
  const rounds = repeats === undefined ? (quick ? 3 : 7) : Number(repeats);
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new UsageError(`--repeats ${repeats}: not a positive integer`, "for example --repeats 5");
  }
  return { quick, sections: (only as SectionName[] | undefined) ?? SECTIONS, repeats: rounds };
}
