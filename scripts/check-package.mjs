/**
 * Builds and packs the package, installs it into an empty folder, and runs a new pipeline there: `npm run check:package`.
 *
 * It runs under the current Node, and also under Deno where `deno` is on the PATH.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = realpathSync(mkdtempSync(join(tmpdir(), "packed-")));
// Makes npx and other programs use this Node.
const env = { ...process.env, PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) };

/** @returns Standard output. Ends the check when the command fails. */
function command(cwd, file, ...args) {
  console.error(`$ ${[file, ...args].join(" ")}`);
  const { status, stdout, error } = spawnSync(file, args, { cwd, env, encoding: "utf8", stdio: [0, "pipe", 2] });
  if (status === 0) return stdout;
  throw new Error(`${file} ${args[0]} ended with ${error?.message ?? status}\n${stdout}`);
}

/** Bits/dim of the skeleton after five steps; other processors differ in the last digits. */
const BPD = 8.34;

/** Runs the pipeline for a few steps and holds its result. */
function train(name, file, ...before) {
  const settings = ["--steps", "5", "--workdir", name, "--set", "sampling.numSamples=4", "--json"];
  const lines = command(folder, file, ...before, "pipeline", "./mine.ts", "--", ...settings)
    .trim()
    .split("\n");
  const { steps, bpd, parameters, error } = JSON.parse(lines.at(-1));
  if (error || steps !== 5 || !(Math.abs(bpd - BPD) < 0.05)) throw new Error(`${name}: ${lines.at(-1)}`);
  console.error(`${name}: ${bpd.toFixed(2)} bits/dim, parameters ${parameters.slice(0, 16)}`);
  return parameters;
}

try {
  command(root, process.execPath, "scripts/build.mjs");
  command(root, "npm", "pack", "./dist", "--pack-destination", folder, "--silent");
  const archive = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  command(folder, "npm", "install", `./${archive}`, "--no-audit", "--no-fund", "--loglevel=error");
  command(folder, "npx", "scorestream", "pipeline", "new", "mine");
  const help = command(folder, "npx", "scorestream", "pipeline", "./mine.ts", "--help");
  const programs = ["data", "monitor", "checkpoint", "engine"];
  const all = [help, ...programs.map((name) => command(folder, "npx", "scorestream", name, "--help"))].join("\n");
  if (/npm\s+run|deno task/.test(all)) throw new Error("--help names commands of the repository");
  const found = [train(`node-${process.versions.node}`, "npx", "scorestream")];
  if (spawnSync("deno", ["--version"], { env }).status === 0) {
    found.push(train("deno", "deno", "run", "-A", "node_modules/scorestream/scripts/scorestream.mjs"));
  }
  if (new Set(found).size !== 1) throw new Error("the runtimes disagree about the parameters");
} finally {
  rmSync(folder, { recursive: true, force: true });
}
