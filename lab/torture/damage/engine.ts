/** The engine's files damaged, in a cache and a project of their own: the next command repairs them or says how. */
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { randomOf } from "../../exchange-fuzz/random.ts";
import type { Outcome } from "../part.ts";
import { newFolder, PROJECT, startCommand, type Ran } from "../program.ts";
import { gaussianBase } from "../runs.ts";
import { damageFile, type Damage } from "./kinds.ts";
import { follow } from "./remedy.ts";

/** The files, each by the folder of the cache that has it in a folder named by what it was made from. */
export const engineFiles = [
  "tensorflow: tensorflow/libtensorflow_cc.so.2",
  "tensorflow: tensorflow/libtensorflow_framework.so.2",
  "tensorflow: tensorflow/include/tensorflow/c/c_api.h",
  "tensorflow: files.json",
  "bindings: tensorflow.node",
  "bindings: tfjs_binding.node",
  "bindings: files.json",
] as const;
export type EngineFile = (typeof engineFiles)[number];

/** Seconds of a command that fetches, unpacks and compiles on a busy machine. */
const REPAIRING = 900;
const COPIED = ["src", "scripts", "pipelines", "proto", "package.json", "package-lock.json", "tsconfig.json"];
const TFJS = "@tensorflow/tfjs-node-gpu";

/** A whole engine, its copy that is damaged, and the numbers that it computes. */
interface Engine {
  readonly project: string;
  readonly whole: string;
  readonly cache: string;
  readonly numbers: string;
}

const copy = (from: string, to: string) => cpSync(from, to, { recursive: true, verbatimSymlinks: true });

/** A project whose link to the engine is its own; other packages are those of this project. */
function copyProject(to: string): void {
  const modules = join(to, "node_modules");
  mkdirSync(join(modules, "@tensorflow"), { recursive: true });
  for (const name of COPIED) copy(join(PROJECT, name), join(to, name));
  const lend = (name: string) => symlinkSync(join(PROJECT, "node_modules", name), join(modules, name));
  for (const name of readdirSync(join(PROJECT, "node_modules"))) if (name !== "@tensorflow") lend(name);
  for (const name of readdirSync(join(PROJECT, "node_modules/@tensorflow"))) {
    if (`@tensorflow/${name}` !== TFJS) lend(`@tensorflow/${name}`);
  }
  copy(join(PROJECT, "node_modules", TFJS), join(modules, TFJS));
  rmSync(join(modules, TFJS, "lib/napi-v8"), { recursive: true, force: true });
}

/** Copies this machine's libraries, where it has them; the set-up fetches what is missing. */
function copyLibraries(to: string): void {
  const { SCORESTREAM_CACHE: own, XDG_CACHE_HOME: caches = join(homedir(), ".cache") } = process.env;
  const from = join(own ?? join(caches, "scorestream"), "tensorflow");
  mkdirSync(to, { recursive: true });
  if (existsSync(from)) copy(from, join(to, "tensorflow"));
}

const numbersOf = ({ summary }: Ran) => ["parameters", "bpd", "bound"].map((name) => `${name} ${String(summary[name])}`).join(", "); // prettier-ignore

/** Trains and evaluates with the engine in a cache. */
async function compute({ project, cache }: Pick<Engine, "project" | "cache">): Promise<Ran> {
  const workdir = newFolder();
  const command = [join(project, "scripts/run.mjs"), "src/cli/main.ts", ...gaussianBase, "--workdir", join(workdir, "run")]; // prettier-ignore
  try {
    const env = environmentOf(cache);
    return await startCommand([process.execPath, ...command], { env, cwd: project, most: REPAIRING }).ended;
  } finally {
    rmSync(workdir, { recursive: true, force: true });
  }
}

const environmentOf = (cache: string) => ({ SCORESTREAM_CACHE: cache, SCORESTREAM_ENGINE: "cpu" });

async function makeEngine(): Promise<Engine> {
  const folder = newFolder();
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const [project, whole, cache] = ["project", "whole", "cache"].map((name) => join(folder, name)) as [string, string, string]; // prettier-ignore
  copyProject(project);
  copyLibraries(cache);
  const ran = await compute({ project, cache });
  if (ran.code !== 0) throw new Error(`the copy of the engine failed undamaged, with ${ran.code}:\n${ran.stderr}`);
  copy(cache, whole);
  return { project, whole, cache, numbers: numbersOf(ran) };
}

/** The path of a file in a cache. */
function pathOf(cache: string, name: EngineFile): string {
  const [kind, file] = name.split(": ") as [string, string];
  const folder = join(cache, kind);
  const [made] = readdirSync(folder).filter((one) => existsSync(join(folder, one, "files.json")));
  return join(folder, made!, file);
}

/** @returns The loss; undefined where the engine works, was repaired, or the printed remedy repaired it. */
async function brokenBy(engine: Engine): Promise<string | undefined> {
  const ran = await compute(engine);
  if (ran.signal) return `the launcher ended by ${ran.signal}`;
  if (ran.code === 0) return numbersOf(ran) === engine.numbers ? undefined : `other numbers with exit code 0: ${numbersOf(ran)}`; // prettier-ignore
  if (!ran.stderr.includes("remedy:")) return `exit code ${ran.code} without a remedy: ${ran.stderr.slice(-300)}`;
  const done = follow(ran.stderr, { project: engine.project, env: environmentOf(engine.cache) });
  const again = await compute(engine);
  if (again.code === 0 && numbersOf(again) === engine.numbers) return undefined;
  const ended = again.code === 0 ? numbersOf(again) : again.stderr.slice(-300);
  return `exit code ${ran.code}; after its remedy (${done}): exit code ${again.code}, ${ended}`;
}

let made: Promise<Engine> | undefined;
/** One case uses the copy at a time. */
let turn: Promise<unknown> = Promise.resolve();

async function damageOnce(engine: Engine, file: EngineFile, kind: Damage, seed: number): Promise<Outcome> {
  rmSync(engine.cache, { recursive: true, force: true });
  copy(engine.whole, engine.cache);
  if (!damageFile(pathOf(engine.cache, file), kind, randomOf(seed))) return { tries: 0, lost: [] };
  const broken = await brokenBy(engine);
  return { tries: 1, lost: broken === undefined ? [] : [`${kind} by seed ${seed}: ${broken}`] };
}

/** Damages one file of the engine, and computes. */
export function damageEngine(file: EngineFile, kind: Damage, seed: number): Promise<Outcome> {
  const next = turn.then(async () => damageOnce(await (made ??= makeEngine()), file, kind, seed));
  turn = next.catch(() => {});
  return next;
}
