/**
 * Nodes that come, go, freeze and return, each case with real processes of the pipeline gaussian and a deadline of 2 s:
 * `node scripts/run.mjs lab/exchange-scenarios.ts [a b ...]`. Prints exit codes, seconds, and whether the parameters
 * are those of one node alone. Exit code 1 where something is otherwise than it should be.
 */
import { existsSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { addressOf } from "./node-processes.ts";
import {
  both,
  checkpoints,
  codes,
  complete,
  D,
  ends,
  first,
  fresh,
  joining,
  savedBy,
  start,
  STEPS,
  time,
  type Outcome,
} from "./scenario-nodes.ts";

const cases: Record<string, readonly [string, () => Promise<Outcome>]> = {
  a: [
    "a newcomer with an old state fetches while another node is killed",
    async () => {
      const old = start(fresh("old"), [], { steps: STEPS });
      await old.reaches(60);
      old.signal("SIGTERM");
      await old.ended;
      const { one, two, address } = await both();
      const newcomer = joining(old.name, address);
      await one.says(/node 2 has joined/);
      two.signal("SIGKILL");
      const taken = newcomer.says(/state after \d+ steps was taken over/).then(() => "; the newcomer took the run's state over"); // prettier-ignore
      return complete([one, newcomer], await taken);
    },
  ],
  b1: [
    "the first node is frozen and stays so: the other ends",
    async () => {
      const { one, two } = await both();
      one.signal("SIGSTOP");
      const [end, seconds] = await time(() => two.ended);
      const saved = savedBy(two);
      one.signal("SIGKILL");
      const good = end.how === 1 && seconds < 8 * D + 4 && saved >= 40;
      return { good, text: `exit code ${end.how} ${seconds.toFixed(1)} s after the freeze, step ${saved} saved` };
    },
  ],
  b2: [
    "the first node is frozen, and SIGTERM comes to the other",
    async () => {
      const { one, two } = await both();
      one.signal("SIGSTOP");
      await delay(1000);
      two.signal("SIGTERM");
      const [end, seconds] = await time(() => two.ended);
      one.signal("SIGKILL");
      return { good: end.how === 143 && seconds < 8, text: `exit code ${end.how} after ${seconds.toFixed(1)} s` };
    },
  ],
  b3: [
    "the first node is frozen for 6 s and goes on",
    async () => {
      const { one, two } = await both();
      one.signal("SIGSTOP");
      await delay(6000);
      one.signal("SIGCONT");
      return complete([one, two]);
    },
  ],
  b4: [
    "a node joins a port that only accepts",
    async () => {
      const server = createServer(() => {}).listen(0, "127.0.0.1");
      await new Promise((resolve) => server.once("listening", resolve));
      const node = joining(fresh("lost"), `127.0.0.1:${(server.address() as { port: number }).port}`);
      await node.says(/training \.\.\./);
      const [end, seconds] = await time(() => node.ended);
      server.close();
      return { good: end.how === 1 && seconds < D + 6, text: `exit code ${end.how} ${seconds.toFixed(1)} s after it began to look` }; // prettier-ignore
    },
  ],
  c: [
    "a node comes back with its workdir before its old process, frozen with its machine, is missed; ranks are full",
    async () => {
      const one = first(fresh("first"), 2, { options: ["--set", "training.shards=2"], deadline: 30 });
      const address = await addressOf(one);
      const rank = { options: ["--rank", "1", "--set", "training.shards=2"], deadline: 30 };
      const old = joining(fresh("old"), address, rank);
      await one.reaches(40);
      old.signal("SIGSTOP");
      rmSync(join(old.workdir, ".lock"), { force: true });
      const again = joining(old.name, address, rank);
      const [all, seconds] = await time(() => ends([one, again]));
      old.signal("SIGCONT");
      const left = await old.ended;
      const same = new Set(all.map(({ parameters }) => parameters)).size === 1;
      const good = all.every(({ how }) => how === 0) && left.how === 1 && same;
      if (!good) console.error(one.told(), again.told(), old.told());
      return { good, text: `exit codes ${codes(all)} after ${seconds.toFixed(0)} s, its old self ${left.how}; ${same ? "equal" : "DIFFERENT"} parameters` }; // prettier-ignore
    },
  ],
  d: [
    "the run has ended, and one node has lost its last checkpoints: both are started again",
    async () => {
      const { one, two } = await both();
      const before = await complete([one, two]);
      for (const folder of ["checkpoints", "checkpoints-meta"]) {
        rmSync(join(two.workdir, folder, `checkpoint_${STEPS}.arrow`), { force: true });
      }
      // A process needs more than 2 s to start here.
      const again = first(one.name, 2, { deadline: 15 });
      const other = joining(two.name, await addressOf(again), { deadline: 15 });
      const after = await complete([again, other]);
      const served = other.told().includes("was taken over") ? "was served" : "was NOT served";
      return { good: before.good && after.good, text: `${after.text}; the last state ${served}` };
    },
  ],
  e: [
    "a node whose workdir is ahead of the run joins, and is stopped",
    async () => {
      const ahead = start(fresh("ahead"), []);
      await ahead.reaches(300);
      ahead.signal("SIGTERM");
      await ahead.ended;
      const one = first(fresh("first"), 1);
      const two = joining(ahead.name, await addressOf(one));
      const [, seconds] = await time(() => two.says(/was taken over/));
      await two.reaches(60);
      two.signal("SIGTERM");
      const { how } = await two.ended;
      const [kept, aside] = [Math.max(...checkpoints(two.workdir)), existsSync(join(two.workdir, "checkpoints-set-aside"))]; // prettier-ignore
      const rest = await complete([one]);
      const good = how === 143 && kept >= 60 && kept < STEPS && aside && rest.good;
      return { good, text: `the state was taken over ${seconds.toFixed(0)} s after its start; exit code ${how}, step ${kept} saved, older files ${aside ? "set aside" : "NOT set aside"}; ${rest.text}` }; // prettier-ignore
    },
  ],
  f: [
    "a node is frozen for 3 s, four times",
    async () => {
      const { one, two } = await both();
      let times = 0;
      for (; times < 4 && one.running() && two.running(); times++) {
        two.signal("SIGSTOP");
        await delay(3000);
        two.signal("SIGCONT");
        await delay(1000);
      }
      const out = [...one.told().matchAll(/is left out|is gone/g)].length;
      return complete([one, two], `; frozen ${times} times, left out ${out} times`);
    },
  ],
  g: [
    "three nodes start with the same state, five times",
    async () => {
      let fetched = 0;
      const texts: Outcome[] = [];
      for (let i = 0; i < 5; i++) {
        const one = first(fresh("first"), 3);
        const address = await addressOf(one);
        const nodes = [one, ...[0, 1].map(() => joining(fresh("next"), address))];
        texts.push(await complete(nodes));
        const many = nodes.filter((node) => /was taken over/.test(node.told()));
        fetched += many.length;
        for (const { name, told } of many) console.error(`--- ${name} fetched\n${told()}\n--- first\n${one.told()}`);
      }
      return { good: texts.every(({ good }) => good) && fetched === 0, text: `${fetched} of 15 fetched the state; ${texts.at(-1)!.text}` }; // prettier-ignore
    },
  ],
  i1: [
    "SIGTERM comes to the first node, and its launcher starts it again",
    async () => {
      const { one, two, address } = await both();
      one.signal("SIGTERM");
      const { how } = await one.ended;
      const again = start(one.name, ["--listen", address, "--world", "2"]);
      return complete([again, two], `; the first node ended with ${how} before`);
    },
  ],
  i2: [
    "SIGTERM comes to the first node, which does not come back",
    async () => {
      const { one, two } = await both();
      one.signal("SIGTERM");
      const [[a, b], seconds] = await time(() => ends([one, two]));
      const saved = savedBy(two);
      return { good: a!.how === 143 && b!.how === 1 && saved >= 40, text: `exit codes ${codes([a!, b!])}, the other after ${seconds.toFixed(1)} s with step ${saved} saved` }; // prettier-ignore
    },
  ],
  i3: [
    "the second node is given a deadline of 600 s, the first one 2 s, and the first is frozen",
    async () => {
      const one = first(fresh("first"), 2);
      const two = joining(fresh("second"), await addressOf(one), { deadline: 600 });
      await one.reaches(40);
      one.signal("SIGSTOP");
      const [, seconds] = await time(() => two.says(/was saved/, 60));
      one.signal("SIGKILL");
      two.signal("SIGKILL");
      return { good: seconds < 3 * D, text: `saved ${seconds.toFixed(1)} s after the freeze` };
    },
  ],
};

const wanted = process.argv.slice(2);
let bad = 0;
console.log(`| case | after a fault | what was seen |\n| --- | --- | --- |`);
for (const [name, [what, run]] of Object.entries(cases)) {
  if (wanted.length > 0 && !wanted.some((one) => name.startsWith(one))) continue;
  const { good, text } = await run().catch((error: Error) => ({ good: false, text: `FAILED: ${error.message}` }));
  if (!good) bad++;
  console.log(`| ${name} | ${what} | ${good ? "" : "NOT AS IT SHOULD BE: "}${text} |`);
}
process.exit(bad > 0 ? 1 : 0);
