/**
 * `npm run mutants -- PATH...`: plants small faults in files of `src`, one at a time, and says which the near tests do
 * not catch. The last line is `N of M caught`.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, CommanderError } from "commander";
import { UsageError } from "../src/base/errors.ts";
import { runProgram } from "../src/cli/program.ts";
import { folderOf, goalOf } from "./mutants/folders.ts";
import { folderReport } from "./mutants/report.ts";
import { isCaught, runFolder } from "./mutants/run-folder.ts";

const root = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

type NumberOption = "share" | "seed" | "minutes" | "concurrency" | "limit";

interface Request {
  readonly paths: readonly string[];
  readonly share: number;
  readonly seed: number;
  readonly minutes: number;
  readonly concurrency: number;
  readonly limit: number;
  readonly static: boolean;
  readonly require: boolean;
}

/** @throws UsageError for an option it does not know or a value out of range. */
function parseRequest(argv: readonly string[]): Request {
  const program = new Command("npm run mutants --")
    .description("plants small faults in files of src, one at a time; says which the near tests do not catch")
    .argument("<path...>", "folders or files of src")
    .option("--share <part>", "part of the lines, in (0, 1], chosen by hash", "1")
    .option("--seed <n>", "another choice of lines", "1")
    .option("--minutes <n>", "no further folder is begun after so long", "600")
    .option("--concurrency <n>", "mutants tried at once", "1")
    .option("--limit <seconds>", "a mutant is caught when its tests take so much longer", "60")
    .option("--no-static", "leave out what runs once, when a module is loaded: each of these needs all tests")
    .option("--require", "exit with 1 when a folder is below its goal", false)
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  try {
    program.parse(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) process.exit(0);
    throw new UsageError(error.message.replace(/^error: /, ""), "npm run mutants -- --help lists the options");
  }
  const options = program.opts<Record<NumberOption, string> & Record<"static" | "require", boolean>>();
  const number = (name: NumberOption, accepted: (n: number) => boolean) => {
    const value = Number(options[name]);
    if (accepted(value)) return value;
    throw new UsageError(`--${name} ${options[name]} is out of range`, "npm run mutants -- --help says what it takes");
  };
  return {
    paths: program.args,
    share: number("share", (n) => n > 0 && n <= 1),
    seed: number("seed", Number.isInteger),
    minutes: number("minutes", (n) => n > 0),
    concurrency: number("concurrency", (n) => Number.isInteger(n) && n > 0),
    limit: number("limit", (n) => n > 0),
    static: options.static,
    require: options.require,
  };
}

/** TypeScript files of a path, relative to the project. @throws UsageError when there are none in `src`. */
function sourceFiles(path: string): string[] {
  const at = join(root, relative(root, path));
  const entries = !existsSync(at)
    ? []
    : statSync(at).isFile()
      ? [at]
      : readdirSync(at, { recursive: true, encoding: "utf8" }).map((name) => join(at, name));
  const files = entries.map((name) => relative(root, name)).filter((name) => /^src\/.*\.ts$/.test(name));
  if (files.length) return files.sort();
  throw new UsageError(`${path}: no TypeScript file of src`, "name a folder or a file, for example src/sde");
}

/** @returns The exit code: 1 when a folder is below its goal and that was required. */
async function mutants(argv: readonly string[]): Promise<number> {
  const request = parseRequest(argv);
  const byFolder = new Map<string, string[]>();
  for (const file of request.paths.flatMap(sourceFiles)) {
    const folder = folderOf(file);
    byFolder.set(folder, [...(byFolder.get(folder) ?? []), file]);
  }
  process.chdir(root);
  const started = performance.now();
  const minutes = () => (performance.now() - started) / 60_000;
  const total = { caught: 0, tried: 0, below: 0 };
  for (const [folder, files] of byFolder) {
    if (minutes() > request.minutes) {
      console.log(`${folder}: left out, the ${request.minutes} minutes are over`);
      continue;
    }
    const begun = minutes();
    const tried = await runFolder({ ...request, folder, files, reports: join(root, "reports/mutants") });
    const caught = tried.filter(isCaught).length;
    const goal = goalOf(folder);
    console.log(`${folderReport(folder, tried, root)}, ${(minutes() - begun).toFixed(1)} minutes`);
    if (goal !== undefined && caught < (goal / 100) * tried.length) {
      total.below += 1;
      console.log(`${folder}: below the goal of ${goal} %`);
    }
    total.caught += caught;
    total.tried += tried.length;
  }
  console.log(`${total.caught} of ${total.tried} caught`);
  return request.require && total.below ? 1 : 0;
}

await runProgram(import.meta.url, mutants);
