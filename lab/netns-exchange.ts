/**
 * Runs 2 to 8 nodes on this machine, each with a network of its own (namespaces, limited rate, delay), and sets what a
 * step takes beside the model of bench/exchange-model.ts. Needs root, and iproute2.
 *
 * npx tsx lab/netns-exchange.ts [--nodes 2,4,8] [--rate MBIT] [--delay MS] [--congestion NAME] [--megabytes N]
 *   [--steps N] [-- ARGS]
 *
 * Without ARGS the traffic alone is measured, over plain TCP. With them `npm run pipeline ARGS` is trained by all nodes
 * together over the gradient exchange: `-- gaussian --steps 200 --set training.shards=8`.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bytesSent, transferSeconds } from "../bench/exchange-model.ts";
import { RunError, UsageError } from "../src/base/errors.ts";
import { addressOf, namespaceOf, openNetwork } from "./netns-network.ts";

const project = fileURLToPath(new URL("..", import.meta.url));
const PORT = 50051;

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => interrupted.abort());

const separator = process.argv.indexOf("--", 2);
const own = process.argv.slice(2, separator < 0 ? undefined : separator);
const pipeline = separator < 0 ? undefined : process.argv.slice(separator + 1);

function whole(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new UsageError(`${option} ${text}: expected a whole number from ${least} to ${most}`, "correct it");
}

function options() {
  const text = (fallback: string) => ({ type: "string" as const, default: fallback });
  const { values } = parseArgs({
    args: own,
    options: {
      nodes: text("2,4,8"),
      rate: text("1000"),
      delay: text("0"),
      megabytes: text("32"),
      steps: text("5"),
      congestion: { type: "string" },
    },
  });
  return {
    nodes: values.nodes.split(",").map((count) => whole("--nodes", count, 2, 8)),
    rate: whole("--rate", values.rate, 1, 100_000),
    delay: whole("--delay", values.delay, 0, 1000),
    bytes: whole("--megabytes", values.megabytes, 1, 1000) * 1e6,
    congestion: values.congestion,
    steps: whole("--steps", values.steps, 2, 1000),
  };
}

interface Result {
  /** Seconds of each step of plain TCP. */
  readonly seconds: readonly number[];
  readonly parameters?: string;
  /** Length of the parameter vector, where a model was trained. */
  readonly count?: number;
}

/** Makes a node's command, and the parser of its last line of output. */
function commandOf(rank: number, world: number, { bytes, steps }: ReturnType<typeof options>, workdir: string) {
  const tsx = ["--import", "tsx"];
  if (!pipeline) {
    const hosts = Array.from({ length: world }, (_, node) => addressOf(node));
    return [...tsx, "lab/netns-tcp.ts", ...[rank, world, bytes, steps].map(String), ...hosts];
  }
  const place = [
    rank === 0 ? "--listen" : "--join",
    `${addressOf(0)}:${PORT}`,
    "--world",
    `${world}`,
    "--rank",
    `${rank}`,
  ];
  const rest = ["--insecure", "--json", "--workdir", join(workdir, `rank-${rank}`)];
  return ["scripts/run.mjs", "src/cli/main.ts", ...pipeline, ...place, ...rest];
}

async function resultFrom(child: ChildProcess, rank: number): Promise<Result> {
  let [output, told] = ["", ""];
  child.stdout!.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr!.setEncoding("utf8").on("data", (text: string) => (told += text));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new RunError(`the node of rank ${rank} ended with ${code}\n${told}`);
  const count = Number(/^model: ([\d,]+) parameters/m.exec(told)?.[1]?.replaceAll(",", "") ?? 0);
  return { ...(JSON.parse(output.trim().split("\n").at(-1)!) as Result), count };
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

/**
 * Reads the values of rank 0, one for every `training.logEvery` steps; the median leaves out the first, in which nodes
 * begin.
 */
function metricsOf(workdir: string): (name: string) => number {
  const lines = readFileSync(join(workdir, "rank-0/metrics.jsonl"), "utf8").trimEnd().split("\n");
  const metrics = lines.map((line) => JSON.parse(line) as { readonly name: string; readonly value: number });
  return (wanted) => {
    const values = metrics.filter(({ name }) => name === wanted).map(({ value }) => value);
    return median(values.length > 1 ? values.slice(1) : values);
  };
}

const HELD_BY = {
  netem: "the kernel's netem holds the packets for the delay",
  program: "this kernel has NO NETEM: lab/netns-delay.py, in place of the bridge, holds the packets for the delay",
};

async function measure(world: number, given: ReturnType<typeof options>): Promise<string> {
  const { rate, delay, congestion, bytes } = given;
  const network = { nodes: world, rate, delay, congestion, prefix: `ss${process.pid % 10_000}` };
  const { holder, close } = await openNetwork(network);
  if (holder) console.error(`${world} nodes: ${HELD_BY[holder]}`);
  const workdir = mkdtempSync(join(tmpdir(), "scorestream-netns-"));
  const children: ChildProcess[] = [];
  try {
    const results = await Promise.all(
      Array.from({ length: world }, (_, rank) => {
        const command = ["netns", "exec", namespaceOf(network, rank), process.execPath];
        const args = [...command, ...commandOf(rank, world, given, workdir)];
        const child = spawn("ip", args, {
          ...{ cwd: project, signal: interrupted.signal },
          stdio: ["ignore", "pipe", "pipe"],
        });
        children.push(child);
        return resultFrom(child, rank);
      }),
    );
    const digests = new Set(results.map(({ parameters }) => parameters));
    if (digests.size > 1) throw new RunError(`the nodes ended with different parameters: ${[...digests].join(", ")}`);
    const metric = pipeline ? metricsOf(workdir) : undefined;
    const measured = metric ? metric("train/seconds_per_step") : median(results[0]!.seconds);
    const parameters = pipeline ? results[0]!.count! : bytes / 4;
    const model = transferSeconds({ parameters, world, bandwidth: rate * 125_000, latency: delay / 1000 });
    const cells = [world, measured.toFixed(3), model.toFixed(3), (measured / model).toFixed(2)];
    if (metric) {
      const megabytes = [metric("exchange/bytes"), bytesSent(parameters, world)].map((sent) => (sent / 1e6).toFixed(4));
      cells.push(metric("exchange/seconds").toFixed(3), ...megabytes, [...digests].join("").slice(0, 12));
    }
    return `| ${cells.join(" | ")} |`;
  } catch (error) {
    for (const child of children) child.kill("SIGTERM");
    throw error;
  } finally {
    for (const child of children) if ((child.exitCode ?? child.signalCode) === null) await once(child, "close");
    const held = await close();
    if (held) console.error(`${world} nodes: ${held}`);
    rmSync(workdir, { recursive: true, force: true });
  }
}

try {
  const given = options();
  const { rate, delay, bytes } = given;
  console.log(`${rate} Mbit/s a node in each direction, ${delay} ms one way${pipeline ? "" : `, ${bytes / 1e6} MB`}\n`);
  const heads = [
    "nodes",
    "s a step",
    "transfer by the model, s",
    "ratio",
    ...(pipeline ? ["exchange, s", "MB sent", "by the model", "parameters"] : []),
  ];
  console.log(`| ${heads.join(" | ")} |\n|${heads.map(() => "---").join("|")}|`);
  for (const world of given.nodes) console.log(await measure(world, given));
} catch (error) {
  if (interrupted.signal.aborted) {
    console.error("netns-exchange: interrupted; the network is taken away");
    process.exit(130);
  }
  if (!(error instanceof UsageError) && !(error instanceof RunError)) throw error;
  console.error(`netns-exchange: ${error.message}`);
  process.exitCode = error.exitCode;
}
