/** Files of a finished run damaged one at a time, and the command given again: the same result, or a refusal by name. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { randomOf, type Random } from "../exchange-fuzz/random.ts";
import type { Case, Outcome, Part, Scale } from "./part.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const settings = [
  "training.checkpointEvery=5",
  "eval.numImages=16",
  "eval.batchSize=8",
  "eval.boundTimes=5",
  "engine.threads=1",
];
const command = (workdir: string) =>
  ["gaussian", "--steps", "10", "--workdir", workdir, "--json", ...settings.flatMap((setting) => ["--set", setting])]; // prettier-ignore

/** Seconds that one run may take on a busy machine. */
const WAITING = 300;

interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
  /** The numbers that must be the same. */
  readonly numbers: string;
}

async function run(workdir: string): Promise<Ran> {
  const child = spawn(process.execPath, [...process.execArgv, MAIN, ...command(workdir)], { timeout: 1000 * WAITING, killSignal: "SIGKILL" }); // prettier-ignore
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text) => (stdout += String(text)));
  child.stderr.on("data", (text) => (stderr += String(text)));
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  const last = stdout.trimEnd().split("\n").at(-1) || "{}";
  const { parameters, steps, evalLoss, bpd, bound } = JSON.parse(last) as Record<string, unknown>;
  return { code, signal, stderr, numbers: JSON.stringify({ parameters, steps, evalLoss, bpd, bound }) };
}

/** Ways to damage a file; undefined where it has nothing of the kind. */
const damages: Record<string, (bytes: Buffer, random: Random) => Buffer | undefined> = {
  bit(bytes, { below }) {
    if (bytes.length > 0) bytes[below(bytes.length)]! ^= 1 << below(8);
    return bytes.length > 0 ? bytes : undefined;
  },
  digit(bytes, { below }) {
    const digits = [...bytes.keys()].filter((i) => bytes[i]! >= 48 && bytes[i]! <= 57);
    if (digits.length === 0) return undefined;
    const at = digits[below(digits.length)]!;
    bytes[at] = 48 + ((bytes[at]! - 48 + 1 + below(9)) % 10);
    return bytes;
  },
  page(bytes, { below }) {
    const at = 4096 * below(Math.ceil(bytes.length / 4096));
    return bytes.fill(0, at, Math.min(at + 4096, bytes.length));
  },
  cut: (bytes, { below }) => bytes.subarray(0, below(bytes.length)),
  empty: () => Buffer.alloc(0),
};

/** The files that a remedy says to remove, of those that are there. */
const toRemove = (stderr: string): string[] =>
  [...stderr.matchAll(/(\/\S+?)(?: is damaged|:? |\n)/g)].map(([, path]) => path!).filter((path) => existsSync(path) && statSync(path).isFile()); // prettier-ignore

/** What is broken of a run with a damaged file; undefined when nothing is. */
async function brokenBy(workdir: string, whole: string): Promise<string | undefined> {
  const ran = await run(workdir);
  if (ran.signal) return `it ended by ${ran.signal}`;
  if (ran.code === 0) return ran.numbers === whole ? undefined : `other numbers with exit code 0: ${ran.numbers}`;
  if (ran.code !== 2 || !ran.stderr.includes("remedy:")) return `exit code ${ran.code} without a remedy`;
  for (const path of toRemove(ran.stderr)) rmSync(path);
  const again = await run(workdir);
  if (again.code === 0 && again.numbers === whole) return undefined;
  return `after its remedy: exit code ${again.code}, ${again.numbers}`;
}

/** One finished run, copied for each try. */
async function finished(): Promise<{ readonly workdir: string; readonly numbers: string }> {
  const workdir = join(mkdtempSync(join(tmpdir(), "scorestream-torture-")), "run");
  const { code, stderr, numbers } = await run(workdir);
  if (code !== 0) throw new Error(`the run to be damaged failed:\n${stderr}`);
  return { workdir, numbers };
}

const TRIES: Record<Scale, number> = { quick: 1, full: 10 };
/** Files of these folders and names that a run reads. */
const READ = ["config.json", "metrics.jsonl", "eval/bpd.jsonl", "eval/loss.jsonl", "checkpoints/checkpoint_10.arrow", ".lock"]; // prettier-ignore

async function tryFile(name: string, kind: string, count: number, seed: number, base: ReturnType<typeof finished>) {
  const { workdir, numbers } = await base;
  const outcome = { tries: 0, lost: [] as string[] };
  const random = randomOf(seed);
  for (let i = 0; i < count; i++) {
    const copy = join(mkdtempSync(join(tmpdir(), "scorestream-torture-")), "run");
    try {
      cpSync(workdir, copy, { recursive: true });
      const path = join(copy, name);
      const changed = damages[kind]!(existsSync(path) ? readFileSync(path) : Buffer.from("{}"), random);
      if (!changed) break;
      writeFileSync(path, changed);
      outcome.tries++;
      const broken = await brokenBy(copy, numbers);
      if (broken !== undefined) outcome.lost.push(`${name}, ${kind} ${i} of seed ${seed}: ${broken}`);
    } finally {
      rmSync(join(copy, ".."), { recursive: true, force: true });
    }
  }
  return outcome satisfies Outcome;
}

export const damagePart: Part = {
  summary: "files of a workdir damaged, and the command given again",
  cases(scale, seed) {
    let base: ReturnType<typeof finished> | undefined;
    return READ.flatMap((name) =>
      Object.keys(damages).map((kind): Case => {
        const tried = () => tryFile(name, kind, TRIES[scale], seed, (base ??= finished()));
        return { name: `${name}: ${kind}`, run: tried };
      }),
    );
  },
};
