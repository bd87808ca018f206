/**
 * Builds and packs the package, installs it into an empty folder, and runs a new pipeline and an own format there:
 * `npm run check:package`.
 *
 * It runs under the current Node, and also under Deno where `deno` is on the PATH.
 */
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
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

/** Follows the README's links to files of the package. */
function readme(packed) {
  const links = [...readFileSync(join(packed, "README.md"), "utf8").matchAll(/(?:\]\(|src=")([^)"#:]+)[)"#]/g)];
  const broken = links.map(([, path]) => path).filter((path) => !existsSync(join(packed, path)));
  if (links.length < 10 || broken.length) throw new Error(`README.md: ${links.length} links, broken: ${broken}`);
}

/** Prepares a file of a format that the project registers, by the package's own example. */
function ownFormat(packed) {
  copyFileSync(join(packed, "examples/own-format.ts"), join(folder, "own-format.ts"));
  writeFileSync(join(folder, "train.csv"), "label,p0,p1,p2,p3\n7,0,1,2,3\n3,4,5,6,255\n");
  const words = ["data", "prepare", "--format", "./own-format.ts", "--from", "train.csv", "--out", "data", "--json"];
  const line = command(folder, "npx", "scorestream", ...words);
  if (JSON.parse(line).sets[0].images !== 2) throw new Error(`own format: ${line}`);
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
  const packed = join(folder, "node_modules/scorestream");
  readme(packed);
  ownFormat(packed);
  const found = [train(`node-${process.versions.node}`, "npx", "scorestream")];
  if (spawnSync("deno", ["--version"], { env }).status === 0) {
    found.push(train("deno", "deno", "run", "-A", "node_modules/scorestream/scripts/scorestream.mjs"));
  }
  if (new Set(found).size !== 1) throw new Error("the runtimes disagree about the parameters");
} finally {
  rmSync(folder, { recursive: true, force: true });
}
