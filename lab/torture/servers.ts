/** Servers attacked below gRPC and HTTP: descriptors come back, the server still answers, and a training is what it would be. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:http2";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { randomOf } from "../exchange-fuzz/random.ts";
import { socketAttacks } from "../exchange-fuzz/sockets.ts";
import type { Target } from "../exchange-fuzz/target.ts";
import type { Case, Outcome, Part, Scale } from "./part.ts";
import { DATA, MAIN, MONITOR, newFolder, runProgram, startProgram, type Started } from "./program.ts";
import { preparedData, set } from "./runs.ts";
import { callWithWrongTokens, TOKEN } from "./servers/wrong-token.ts";

/** Times that each attack is made. */
const TIMES: Record<Scale, number> = { quick: 3, full: 100 };
/** Seconds in which the descriptors come back: twice the patience with a silent connection, and some more. */
const BACK = 45;
/** Descriptors that may come and go: a file that is being written, a look at another. */
const SLACK = 3;
/** Megabytes that a server may have more after all attacks than after the first. */
const MORE = 100;
/** Options by which a server asks for the token on loopback, too. */
function asking(folder: string): string[] {
  const path = join(folder, "token");
  writeFileSync(path, TOKEN, { mode: 0o600 });
  return ["--token-file", path];
}

/** A server that is attacked. */
interface Server {
  readonly name: string;
  readonly start: (folder: string) => Promise<Started>;
  /** Address in what it tells. */
  readonly address: RegExp;
  readonly http2: boolean;
  /** Method of gRPC that needs the token. */
  readonly method?: string;
  /** A training, which must be undisturbed. */
  readonly training?: readonly string[];
}

const training = ["gaussian", "--steps", "1000000", "--json", ...set("engine.threads=1", "training.batchSize=64", "training.logEvery=50")]; // prettier-ignore
const run = (...more: string[]) => (folder: string) =>
  Promise.resolve(startProgram({ file: MAIN, argv: [...training, ...more, ...asking(folder), "--workdir", join(folder, "run")] })); // prettier-ignore
const monitor = (folder: string) =>
  Promise.resolve(
    startProgram({
      file: MONITOR,
      argv: ["--listen", "127.0.0.1:0", "--web", "127.0.0.1:0", "--dir", folder, "--runs", folder, ...asking(folder)],
    }),
  );
const flight = async (folder: string) =>
  startProgram({ file: DATA, argv: ["serve", "--listen", "127.0.0.1:0", ...asking(folder), await preparedData()] });

const WATCH = "/scorestream.v1.Monitor/Watch";

const servers: readonly Server[] = [
  { name: "metrics of a run", start: run("--metrics-listen", "127.0.0.1:0"), address: /served at 127\.0\.0\.1:(\d+)/, http2: true, method: WATCH, training }, // prettier-ignore
  { name: "page of a run", start: run("--monitor", "127.0.0.1:0"), address: /page: http:\/\/127\.0\.0\.1:(\d+)/, http2: false, training }, // prettier-ignore
  { name: "monitor", start: monitor, address: /listening on 127\.0\.0\.1:(\d+)/, http2: true, method: WATCH },
  { name: "page of the monitor", start: monitor, address: /page: http:\/\/127\.0\.0\.1:(\d+)/, http2: false },
  {
    name: "Flight server",
    start: flight,
    address: /listening on 127\.0\.0\.1:(\d+)/,
    http2: true,
    method: "/arrow.flight.protocol.FlightService/GetFlightInfo",
  },
  { name: "exchange", start: run("--listen", "127.0.0.1:0", "--world", "1"), address: /--join 127\.0\.0\.1:(\d+)/, http2: true, method: "/scorestream.v1.Exchange/Attend", training }, // prettier-ignore
];

const residentOf = (pid: number) =>
  existsSync(`/proc/${pid}/status`)
    ? Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1000
    : NaN;
const descriptorsOf = (pid: number) => (existsSync(`/proc/${pid}/fd`) ? readdirSync(`/proc/${pid}/fd`).length : NaN);

/** True when a server answers a client that keeps to the protocol. */
async function answers(port: number, http2: boolean): Promise<boolean> {
  if (!http2) return (await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(10_000) })).status > 0;
  const session = connect(`http://127.0.0.1:${port}`);
  try {
    return await new Promise<boolean>((resolve) => {
      session.once("error", () => resolve(false));
      session.once("remoteSettings", () => session.ping((error) => resolve(error === null)));
      setTimeout(() => resolve(false), 10_000).unref();
    });
  } finally {
    session.destroy();
  }
}

/** A way to attack a server some times. @returns What was lost. */
interface Way {
  readonly name: string;
  readonly run: (port: number, times: number) => Promise<string | undefined>;
}

function waysTo({ method }: Server, seed: number): Way[] {
  const below = socketAttacks.map(({ name, run }): Way => {
    const random = randomOf(7919 * seed + name.length);
    return {
      name,
      async run(port, times) {
        for (let i = 0; i < times; i++) await run({ host: "127.0.0.1", port } as Target, random);
        return undefined;
      },
    };
  });
  return [...below, { name: "wrong tokens", run: (port, times) => callWithWrongTokens({ port, method }, times) }];
}

/** Makes one attack some times, and waits until its connections are forgotten. @returns What was lost. */
async function attackWith(
  { name, run }: Way,
  { pid, port, http2 }: { readonly pid: number; readonly port: number; readonly http2: boolean },
  times: number,
): Promise<string | undefined> {
  const before = descriptorsOf(pid);
  const found = await run(port, times);
  if (found !== undefined) return `${name}: ${found}`;
  for (const last = Date.now() + 1000 * BACK; Date.now() < last && descriptorsOf(pid) > before + SLACK;)
    await delay(200);
  const after = descriptorsOf(pid);
  if (!(after <= before + SLACK)) return `${name}: ${before} descriptors before, ${after} after ${times} attacks`;
  return (await answers(port, http2)) ? undefined : `${name}: it no longer answers`;
}

/** Ends a server; a training must have the parameters of one that was left alone. @returns What was lost. */
async function settle(started: Started, { training }: Server, folder: string): Promise<string | undefined> {
  if (!started.running()) return `it ended: ${(await started.ended).stderr.slice(-300)}`;
  started.kill("SIGTERM");
  const { code, summary, stderr } = await started.ended;
  if (!training) return code === 143 || code === 0 ? undefined : `it ended with ${code}: ${stderr.slice(-300)}`;
  if (code !== 143) return `it ended with ${code}: ${stderr.slice(-300)}`;
  const [steps, parameters] = [String(summary["steps"]), summary["parameters"]];
  const small = set("eval.numImages=2", "eval.boundTimes=2", "eval.rtol=1e-1", "eval.atol=1e-1", "sampling.numSamples=2"); // prettier-ignore
  const alone = await runProgram({ file: MAIN, argv: [...training, "--steps", steps, ...small, "--workdir", join(folder, "alone")] }); // prettier-ignore
  return alone.summary["parameters"] === parameters ? undefined : `after ${steps} steps the training has other parameters`; // prettier-ignore
}

async function attack(server: Server, scale: Scale, seed: number): Promise<Outcome> {
  const folder = newFolder();
  const lost: string[] = [];
  const started = await server.start(folder);
  try {
    const port = Number((await started.says(server.address))[1]);
    if (server.training) await started.says(/training: \d\d+\//);
    await answers(port, server.http2);
    const ways = waysTo(server, seed);
    const megabytes: number[] = [];
    for (const way of ways) {
      const found = await attackWith(way, { pid: started.pid, port, http2: server.http2 }, TIMES[scale]);
      if (found !== undefined) lost.push(found);
      megabytes.push(residentOf(started.pid));
    }
    const more = Math.round(megabytes.at(-1)! - megabytes[0]!);
    if (!(more <= MORE)) lost.push(`${more} MB more after all attacks than after the first`);
    const found = await settle(started, server, folder);
    return { tries: TIMES[scale] * ways.length, lost: found === undefined ? lost : [...lost, found] };
  } finally {
    started.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}

export const serversPart: Part = {
  summary: "gRPC servers and pages attacked below their protocols",
  atOnce: 2,
  cases: (scale, seed) =>
    servers.map((server): Case => ({ name: server.name, run: () => attack(server, scale, seed) })),
};
