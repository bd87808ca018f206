/**
 * Nodes whose gradients TensorFlow's collectives carry, of which one comes, leaves or dies, with real processes:
 * `node scripts/run.mjs lab/collectives-scenarios.ts [NAME ...]`. Prints exit codes and seconds; exit code 1 where
 * something is otherwise than it should be.
 */
import { setTimeout as delay } from "node:timers/promises";
import { addressOf, type NodeProcess } from "./node-processes.ts";
import { checkpoints, codes, complete, ends, first, fresh, joining, savedBy, time, type Outcome } from "./scenario-nodes.ts"; // prettier-ignore

const more = { deadline: 6, options: ["--set", "exchange.engine=tensorflow"] };
const NODES = 3;

/** Three nodes at step 40 or later. */
async function three(): Promise<{ nodes: NodeProcess[]; address: string }> {
  const one = first(fresh("first"), NODES, more);
  const address = await addressOf(one);
  const others = [1, 2].map((rank) => joining(fresh("next"), address, { ...more, options: [...more.options, "--rank", `${rank}`] })); // prettier-ignore
  await one.reaches(40);
  return { nodes: [one, ...others], address };
}

/** Starts all again on their workdirs. */
async function again(nodes: readonly NodeProcess[]): Promise<Outcome> {
  const one = first(nodes[0]!.name, NODES, more);
  const address = await addressOf(one);
  return complete([one, ...nodes.slice(1).map(({ name }) => joining(name, address, more))]);
}

/** Signals the last node. @returns How all ended, and after how long. */
async function signalled(
  nodes: readonly NodeProcess[],
  signal: NodeJS.Signals,
  expected: readonly (number | string)[],
) {
  nodes.at(-1)!.signal(signal);
  const [all, seconds] = await time(() => ends(nodes));
  const steps = nodes.map((node) => Math.max(savedBy(node), ...checkpoints(node.workdir)));
  const good = all.every(({ how }, i) => how === expected[i]);
  return { good, text: `exit codes ${codes(all)} after ${seconds.toFixed(1)} s, checkpoints of steps ${steps.join(", ")}` }; // prettier-ignore
}

const cases: Readonly<Record<string, readonly [string, () => Promise<Outcome>]>> = {
  join: [
    "a fourth node joins",
    async () => {
      const { nodes, address } = await three();
      const fourth = joining(fresh("fourth"), address, more);
      const [{ how }, seconds] = await time(() => fourth.ended);
      const said = /error: .*/.exec(fourth.told())?.[0] ?? "";
      const rest = await complete(nodes);
      return { good: how === 2 && rest.good, text: `exit code ${how} after ${seconds.toFixed(1)} s: ${said}; the others: ${rest.text}` }; // prettier-ignore
    },
  ],
  leave: [
    "SIGTERM comes to one of three, and all are started again",
    async () => {
      const { nodes } = await three();
      const [end, after] = [await signalled(nodes, "SIGTERM", [1, 1, 143]), await again(nodes)];
      return { good: end.good && after.good, text: `${end.text}; started again: ${after.text}` };
    },
  ],
  kill: ["SIGKILL comes to one of three", async () => signalled((await three()).nodes, "SIGKILL", [1, 1, "SIGKILL"])],
  freeze: [
    "one of three is frozen for good",
    async () => {
      const { nodes } = await three();
      const frozen = nodes.at(-1)!;
      frozen.signal("SIGSTOP");
      const [all, seconds] = await time(() => ends(nodes.slice(0, -1)));
      frozen.signal("SIGKILL");
      await delay(100);
      return {
        good: all.every(({ how }) => how === 1),
        text: `exit codes ${codes(all)} after ${seconds.toFixed(1)} s`,
      };
    },
  ],
};

const wanted = process.argv.slice(2);
let bad = 0;
console.log("| case | what was done | what was seen |\n| --- | --- | --- |");
for (const [name, [what, run]] of Object.entries(cases)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const { good, text } = await run().catch((error: Error) => ({ good: false, text: `FAILED: ${error.message}` }));
  if (!good) bad++;
  console.log(`| ${name} | ${what} | ${good ? "" : "NOT AS IT SHOULD BE: "}${text} |`);
}
process.exit(bad > 0 ? 1 : 0);
