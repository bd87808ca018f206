/** Servers attacked below gRPC and HTTP: descriptors come back, the server still answers, and a training is what it would be. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { connect } from "node:http2";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { randomOf } from "../exchange-fuzz/random.ts";
import { socketAttacks } from "../exchange-fuzz/sockets.ts";
import type { Target } from "../exchange-fuzz/target.ts";
import type { Case, Outcome, Part, Scale } from "./part.ts";
import { DATA, MAIN, MONITOR, newFolder, runProgram, startProgram, type Started } from "./program.ts";
import { preparedData, set } from "./runs.ts";

/** Times that each attack is made. */
const TIMES: Record<Scale, number> = { quick: 3, full: 100 };
/** Seconds in which the descriptors come back: twice the patience with a silent connection, and some more. */
const BACK = 45;
/** Descriptors that may come and go: a file that is being written, a look at another. */
const SLACK = 3;
const env = { SCORESTREAM_TOKEN: "0123456789abcdef0123456789abcdef" };

/** A server that is attacked. */
interface Server {
  readonly name: string;
  readonly start: (folder: string) => Promise<Started>;
  /** Address in what it tells. */
  readonly address: RegExp;
  readonly http2: boolean;
  /** A training, which must be undisturbed. */
  readonly training?: readonly string[];
}

const training = ["gaussian", "--steps", "1000000", "--json", ...set("engine.threads=1", "training.batchSize=64", "training.logEvery=50")]; // prettier-ignore
const run = (...more: string[]) => (folder: string) =>
  Promise.resolve(startProgram({ file: MAIN, argv: [...training, ...more, "--workdir", join(folder, "run")], env })); // prettier-ignore
const monitor = (folder: string) =>
  Promise.resolve(
    startProgram({
      file: MONITOR,
      argv: ["--listen", "127.0.0.1:0", "--web", "127.0.0.1:0", "--dir", folder, "--runs", folder],
      env,
    }),
  );
const flight = async () =>
  startProgram({ file: DATA, argv: ["serve", "--listen", "127.0.0.1:0", await preparedData()], env });

const servers: readonly Server[] = [
  { name: "metrics of a run", start: run("--metrics-listen", "127.0.0.1:0"), address: /served at 127\.0\.0\.1:(\d+)/, http2: true, training }, // prettier-ignore
  { name: "page of a run", start: run("--monitor", "127.0.0.1:0"), address: /page: http:\/\/127\.0\.0\.1:(\d+)/, http2: false, training }, // prettier-ignore
  { name: "monitor", start: monitor, address: /listening on 127\.0\.0\.1:(\d+)/, http2: true },
  { name: "page of the monitor", start: monitor, address: /page: http:\/\/127\.0\.0\.1:(\d+)/, http2: false },
  { name: "Flight server", start: flight, address: /listening on 127\.0\.0\.1:(\d+)/, http2: true },
  { name: "exchange", start: run("--listen", "127.0.0.1:0", "--world", "1"), address: /--join 127\.0\.0\.1:(\d+)/, http2: true, training }, // prettier-ignore
];

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

/** Makes one attack some times, and waits until its connections are forgotten. @returns What was lost. */
async function attackWith(
  name: string,
  { pid, port, http2 }: { readonly pid: number; readonly port: number; readonly http2: boolean },
  { times, seed }: { readonly times: number; readonly seed: number },
): Promise<string | undefined> {
  const attack = socketAttacks.find((one) => one.name === name)!;
  const target = { host: "127.0.0.1", port } as Target;
  const before = descriptorsOf(pid);
  const random = randomOf(7919 * seed + name.length);
  for (let i = 0; i < times; i++) await attack.run(target, random);
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
    const names = socketAttacks.map(({ name }) => name);
    for (const name of names) {
      const found = await attackWith(name, { pid: started.pid, port, http2: server.http2 }, { times: TIMES[scale], seed }); // prettier-ignore
      if (found !== undefined) lost.push(found);
    }
    const found = await settle(started, server, folder);
    return { tries: TIMES[scale] * names.length, lost: found === undefined ? lost : [...lost, found] };
  } finally {
    started.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}

export const serversPart: Part = {
  summary: "gRPC servers and pages attacked below their protocols",
  cases: (scale, seed) =>
    servers.map((server): Case => ({ name: server.name, run: () => attack(server, scale, seed) })),
};
