/** The options of `npm run pipeline`. */
import { COMMAND } from "./command.ts";
import { Command, CommanderError, Option } from "commander";
import { UsageError } from "../base/errors.ts";
import type { ExchangeTargets } from "../grpc/exchange/group.ts";
import { addExchangeOptions, parseExchange, type GivenExchange } from "./exchange-options.ts";
import { addMetricOptions, parseMetricTargets, type GivenMetrics, type MetricTargets } from "./metrics.ts";
import { allowed, modes, type Allowed, type Mode } from "../run/pipeline.ts";
import { parseAssignment, type Assignment } from "../run/resolve-config.ts";
import { studyPresets, type StudyPresetName } from "../run/study/study.ts";
import { parseAxis, type Axis } from "../run/sweep/axes.ts";

export interface Options {
  /** Absent: list the pipelines. */
  readonly name?: string;
  readonly mode: Mode;
  readonly preset?: StudyPresetName;
  readonly workdir?: string;
  readonly json: boolean;
  readonly help: boolean;
  /** Changes that a run is refused for otherwise. */
  readonly allow: readonly Allowed[];
  /** `--steps`, `--seed`, then each `--set` in order. */
  readonly assignments: readonly Assignment[];
  readonly metrics: MetricTargets;
  /** Addresses of the nodes that train together. */
  readonly exchange?: ExchangeTargets;
  /** Fields with several values to run. */
  readonly sweep: readonly Axis[];
  /** Runs of a sweep or study at once; absent: 1. */
  readonly jobs?: number | undefined;
}

/** The commander program; its own help and exits are not used. */
export function program(): Command {
  const command = new Command(COMMAND)
    .usage("[name] [-- options]")
    .argument("[name]", "name or path of a pipeline; without it, lists the pipelines")
    .addOption(new Option("--mode <mode>", `one of ${modes.join(", ")}`).default("train"))
    .addOption(
      new Option(
        "--preset <preset>",
        "settings to start from; default: paper on a GPU, quick otherwise; tiny: only for a study such as table2",
      ).choices(studyPresets),
    )
    .option("--steps <n>", "total optimizer steps, the same as --set training.steps")
    .option("--seed <n>", "seed of the run, the same as --set seed")
    .option("--workdir <folder>", "folder that stores the run and from which it resumes; default: runs/<name>")
    .option("--set <key=value>", "sets a configuration field; repeatable", (text, before: string[] = []) => [
      ...before,
      text,
    ])
    .option(
      "--sweep <axis>",
      "runs every value of a field in its own workdir, for example seed=1..3 or sde=vp,subvp; with a study: sets the values of an axis; repeatable",
      (text, before: string[] = []) => [...before, text],
    )
    .option("--jobs <n>", "number of runs of a sweep or study at the same time; default: 1")
    .addOption(
      new Option("--allow <change>", "continues although this has changed; data: the training data; repeatable")
        .choices(allowed)
        .argParser((text: string, before: string[] = []) => [...before, parseAllowed(text)]),
    );
  addMetricOptions(command);
  addExchangeOptions(command);
  command
    .option("--json", "prints the results as one JSON object on the last line of standard output")
    .option("-h, --help", "prints this text")
    .helpOption(false)
    .exitOverride()
    .configureOutput({ writeOut: () => {}, writeErr: () => {} });
  return command;
}

const NPM_TAKES = [
  "mode",
  "preset",
  "steps",
  "seed",
  "workdir",
  "set",
  "sweep",
  "jobs",
  "allow",
  "metrics-listen",
  "metrics-push",
  "monitor",
  "otlp",
  "notify",
  "notify-when",
  "track",
  "listen",
  "join",
  "world",
  "rank",
];

/** npm takes options that come before "--" for itself, and leaves them in the environment. */
function refuseNpmOptions(env: NodeJS.ProcessEnv): void {
  if (env["npm_lifecycle_event"] !== "pipeline") return;
  const taken = NPM_TAKES.filter((name) => env[`npm_config_${name.replaceAll("-", "_")}`]);
  if (taken.length === 0) return;
  throw new UsageError(
    `npm took ${taken.map((name) => `--${name}`).join(", ")} as its own options`,
    `put "--" before the options: npm run pipeline <name> -- --${taken[0]} ...`,
  );
}

function parseAllowed(text: string): Allowed {
  if (allowed.includes(text as Allowed)) return text as Allowed;
  throw new UsageError(`--allow ${text}: there is no such change`, `use ${allowed.join(", ")}`);
}

function parseJobs(text: string | undefined): number | undefined {
  const jobs = Number(text);
  if (text === undefined || (Number.isInteger(jobs) && jobs >= 1)) return text === undefined ? undefined : jobs;
  throw new UsageError(`--jobs ${text}: not a whole number of 1 or more`, "for example --jobs 2");
}

/** Refuses options that the runs of a sweep or a study could not share. */
export function requireShareable(what: string, { metrics, exchange }: Pick<Options, "metrics" | "exchange">): void {
  if (exchange) throw new UsageError(`${what}: its runs train alone`, "leave --listen and --join out");
  if (Object.values(metrics).some((target) => target !== undefined)) {
    throw new UsageError(
      `${what}: its runs cannot share an address for metrics`,
      "omit the metric options; npm run monitor -- --runs FOLDER shows all runs of a folder",
    );
  }
}

function parseMode(mode: string): Mode {
  if (modes.includes(mode as Mode)) return mode as Mode;
  throw new UsageError(`--mode ${mode}: there is no such mode`, `use ${modes.join(", ")}`);
}

/**
 * Reads the command line.
 *
 * @param argv What follows the program's name.
 * @throws UsageError for anything that is not understood.
 */
export function parseOptions(argv: readonly string[], env: NodeJS.ProcessEnv = {}): Options {
  refuseNpmOptions(env);
  const command = program();
  try {
    command.parse(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    throw new UsageError(error.message.replace(/^error: /, ""), `${COMMAND} -- --help shows the options`, {
      cause: error,
    });
  }
  const given = command.opts<
    GivenMetrics &
      GivenExchange & {
        mode: string;
        preset?: StudyPresetName;
        steps?: string;
        seed?: string;
        workdir?: string;
        set?: string[];
        sweep?: string[];
        jobs?: string;
        allow?: Allowed[];
        json?: boolean;
        help?: boolean;
      }
  >();
  if (given.workdir === "") throw new UsageError("--workdir: no folder given", "for example --workdir runs/first");

  const [name] = command.args;
  const { preset, workdir, json = false, help = false, steps, seed, set = [], allow = [] } = given;
  const { sweep = [], jobs } = given;
  if (name === undefined && argv.some((argument) => !["--json", "--help", "-h"].includes(argument))) {
    throw new UsageError("no pipeline named", `${COMMAND} <name> -- ...; ${COMMAND} lists them`);
  }
  const mode = parseMode(given.mode);
  const stepsField = mode === "train_deq" ? "dequantizer.steps" : "training.steps";
  const assignments = [
    ...(steps === undefined ? [] : [{ name: stepsField, text: steps }]),
    ...(seed === undefined ? [] : [{ name: "seed", text: seed }]),
    ...set.map(parseAssignment),
  ];
  const metrics = parseMetricTargets(given, env);
  const exchange = parseExchange(given, env, mode);
  const axes = sweep.map(parseAxis);
  if (axes.length) requireShareable("--sweep", { metrics, exchange });
  return {
    ...{ name, mode, preset, workdir, json, help, allow, assignments, metrics, exchange },
    ...{ sweep: axes, jobs: parseJobs(jobs) },
  };
}
