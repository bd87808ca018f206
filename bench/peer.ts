/** A program that is measured, in a process of its own. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { RunError } from "../src/base/errors.ts";
import type { Answer, Request } from "./protocol.ts";

const here = dirname(fileURLToPath(import.meta.url));

export type Engine =
  "compiled" | "bfloat16" | "eager" | "torch" | "torchCompile" | "torchBfloat16" | "torchCompileBfloat16" | "jax";

export const TITLES: Readonly<Record<Engine, string>> = {
  compiled: "ScoreStream compiled",
  bfloat16: "ScoreStream compiled, bfloat16",
  eager: "ScoreStream eager",
  torch: "PyTorch eager, channels_last",
  torchCompile: "torch.compile",
  torchBfloat16: "PyTorch eager, autocast to bfloat16",
  torchCompileBfloat16: "torch.compile, autocast to bfloat16",
  jax: "JAX jit",
};

export interface PeerOptions {
  readonly casePath: string;
  readonly dropout: number;
  readonly threads: number;
  /** Python of the peers' environment. */
  readonly python: string;
  /** Folder in which torch.compile keeps what it compiled. */
  readonly cache: string;
}

/** A process that answers one request at a time. */
export interface Peer {
  ask(request: Request): Promise<Answer>;
  /** Ends it. */
  close(): Promise<void>;
}

function commandOf(engine: Engine, { casePath, dropout, threads, python }: PeerOptions): string[] {
  const rest = [casePath, String(dropout), String(threads)];
  const program = (name: string) => join(here, name);
  // The options of this process are how it reads TypeScript.
  const own = [process.execPath, ...process.execArgv, program("scorestream-peer.ts"), ...rest];
  const torch = [python, program("peers/torch_peer.py"), ...rest];
  switch (engine) {
    case "compiled":
      return [...own, "compile"];
    case "bfloat16":
    case "eager":
      return [...own, engine];
    case "torch":
      return [...torch, "eager"];
    case "torchCompile":
      return [...torch, "compile"];
    case "torchBfloat16":
      return [...torch, "eager", "bfloat16"];
    case "torchCompileBfloat16":
      return [...torch, "compile", "bfloat16"];
    case "jax":
      return [python, program("peers/jax_peer.py"), ...rest];
  }
}

/** Starts an engine; with one thread it is pinned to one core, the last. */
export function startPeer(engine: Engine, options: PeerOptions, lastCore: number): Peer {
  const pinned = options.threads === 1 ? ["taskset", "-c", String(lastCore)] : [];
  return startProgram(TITLES[engine], [...pinned, ...commandOf(engine, options)], {
    OMP_NUM_THREADS: String(options.threads),
    TORCHINDUCTOR_CACHE_DIR: join(options.cache, "inductor"),
    PYTHONDONTWRITEBYTECODE: "1",
  });
}

/** Starts a program of this project that answers requests. */
export const startOwn = (program: string, ...args: string[]): Peer =>
  startProgram(program, [process.execPath, ...process.execArgv, join(here, program), ...args], {});

/** Starts a Python program of `peers` that answers requests, with packages of its own. */
export const startPython = (name: string, python: { file: string; env: NodeJS.ProcessEnv }, program: string): Peer =>
  startProgram(name, [python.file, join(here, "peers", program)], python.env);

function startProgram(name: string, command: readonly string[], extra: NodeJS.ProcessEnv): Peer {
  const [file, ...args] = command as [string, ...string[]];
  const env = { ...process.env, ...extra };
  const child = spawn(file, args, { env, stdio: ["pipe", "pipe", "pipe"] });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint = (complaint + text).slice(-4000)));
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask(request) {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const line = await lines.next();
      if (line.done) throw new RunError(`${name} ended early:\n${complaint}`);
      return JSON.parse(line.value as string) as Answer;
    },
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}

/** Runs `use` with a process for each engine, all of which are gone afterwards. */
export async function withPeers<T>(
  engines: readonly Engine[],
  start: (engine: Engine) => Peer,
  use: (peers: ReadonlyMap<Engine, Peer>) => Promise<T>,
): Promise<T> {
  const peers = new Map(engines.map((engine) => [engine, start(engine)]));
  try {
    return await use(peers);
  } finally {
    await Promise.all([...peers.values()].map((peer) => peer.close()));
  }
}
