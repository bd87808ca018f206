/**
 * Four nodes with a network that loses 2 % of the frames, holds each for 100 ms, and is parted for 1 to 60 s:
 * `node scripts/run.mjs lab/netns-partitions.ts`. Needs root on Linux with iproute2, and Python 3. A node that ends with
 * 1 is started again, as its launcher would. Exit code 1 where the parameters are not those of one node alone.
 */
import { setTimeout as delay } from "node:timers/promises";
import { addressOf, namespaceOf, openNetwork } from "./netns-network.ts";
import { lostSteps, startProcess, stepsSaid, type End, type NodeProcess } from "./node-processes.ts";
import { children } from "./scratch.ts";

const [NODES, STEPS, PORT, DEADLINE] = [4, 300, 50_071, 6];
const network = { nodes: NODES, rate: 100, delay: 100, loss: 2, prefix: `sp${process.pid % 10_000}` };
/** Seconds, and who is apart from the others meanwhile. */
const partitions: readonly (readonly [seconds: number, apart: readonly number[]])[] = [
  [1, [1]],
  [5, [0]],
  [5, [2, 3]],
  [15, [3]],
  [60, [1, 2]],
];

const log: number[] = [];
const ended: End[][] = Array.from({ length: NODES }, () => []);
const nodes: NodeProcess[] = [];

function start(rank: number): NodeProcess {
  const place = [rank === 0 ? "--listen" : "--join", `${addressOf(0)}:${PORT}`, "--rank", `${rank}`];
  const options = [...place, "--world", rank === 0 ? `${NODES}` : "1", "--insecure"];
  const settings = ["--set", `exchange.deadlineSeconds=${DEADLINE}`, "--set", "training.logEvery=1"];
  const inside = ["ip", "netns", "exec", namespaceOf(network, rank)];
  const node = startProcess({ name: `parted-${rank}`, steps: STEPS, options: [...options, ...settings], inside });
  // The first node is always among those that go on: its steps are the run's.
  if (rank === 0) node.child.stderr!.on("data", (text) => log.push(...stepsSaid(String(text))));
  return (nodes[rank] = node);
}

/** Keeps a place taken until its process ends with another code than 1. */
async function keep(rank: number): Promise<void> {
  for (;;) {
    const end = await start(rank).ended;
    ended[rank]!.push(end);
    if (end.how !== 1) return;
    await delay(1000);
  }
}

const seconds = (since: number) => ((performance.now() - since) / 1000).toFixed(1);
const lowest = () => Math.min(...nodes.map((node) => (node.running() ? node.step() : 0)));

/** Waits until all have done another step than `step`. */
async function allBeyond(step: number, isOver: () => boolean): Promise<void> {
  while (!isOver() && lowest() <= step) await delay(20);
}

const alone = await startProcess({ name: "alone", steps: STEPS }).ended;
const { cut, close } = await openNetwork(network);
let good = false;
try {
  const begun = performance.now();
  let over = false;
  const all = Promise.all(Array.from({ length: NODES }, (_, rank) => keep(rank))).finally(() => (over = true));
  while (nodes.length < NODES) await delay(20);
  await allBeyond(10, () => over);
  const [since, from] = [performance.now(), lowest()];
  await allBeyond(from + 20, () => over);
  console.log(`${(Number(seconds(since)) / (lowest() - from)).toFixed(2)} s a step without partitions\n`);
  console.log(
    "| parted for, s | apart | step before | step at its end | all go on after, s |\n|" + " ---: |".repeat(5),
  );
  for (const [length, apart] of partitions) {
    await delay(5000);
    if (over) break;
    const before = log.at(-1)!;
    cut(apart);
    await delay(1000 * length);
    cut([]);
    const [healed, after] = [performance.now(), log.at(-1)!];
    await allBeyond(after, () => over);
    console.log(`| ${length} | ${apart.join(", ")} | ${before} | ${after} | ${over ? "the end" : seconds(healed)} |`);
  }
  await all;
  good = ended.every((ends) => ends.at(-1)!.how === 0 && ends.at(-1)!.parameters === alone.parameters);
  const codes = ended.map((ends) => ends.map(({ how }) => how).join(" then "));
  console.log(
    `\n${STEPS} steps in ${seconds(begun)} s; exit codes ${codes.join(", ")}; ${lostSteps(log)} steps lost; `,
  );
  console.log(good ? "the parameters of one node alone" : "NOT AS IT SHOULD BE");
} finally {
  if (!good) for (const { name, told } of nodes) console.error(`--- ${name}\n${told()}`);
  for (const child of children) child.kill("SIGKILL");
  console.log(await close());
}
process.exit(good ? 0 : 1);
