/**
 * Plays the restart rules of kubelet (deploy/kubernetes/job.yaml) and of systemd (deploy/systemd) with real processes
 * over kills, freezes, drains and reboots: `node scripts/run.mjs lab/restart-rules.ts [kubernetes|systemd] [NODES...]
 * [steps=N] [away]`, default both with 1 to 4 nodes and 3000 steps. Times are those of the files, 10 times as fast. `away`: instead of many
 * faults the first node's machine is gone for long. Exit code 1 where a run does not come to its end.
 */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../src/grpc/free-port.ts";
import { lostSteps, startProcess, stepsSaid, workdirOf, type End, type NodeProcess } from "./node-processes.ts";
import { program, randomFrom } from "./scratch.ts";

/** Times as fast as the files say; a deadline of 60 s is one of 6 s. */
const FASTER = 10;
const given = process.argv.slice(2);
const STEPS = Number(given.find((one) => one.startsWith("steps="))?.slice("steps=".length) ?? 3000);
const wait = (seconds: number) => delay((1000 * seconds) / FASTER);

const textOf = (file: string) => readFileSync(program(`../deploy/${file}`), "utf8");
const field = (file: string, pattern: RegExp): string => {
  const found = pattern.exec(textOf(file))?.[1];
  if (found === undefined) throw new Error(`deploy/${file}: there is no ${pattern}`);
  return found;
};
/** Seconds of a time as systemd writes it. */
const seconds = (text: string): number =>
  Number.parseFloat(text) * (text.endsWith("h") ? 3600 : text.endsWith("min") ? 60 : 1);

/** "again": after so many seconds. */
type Verdict = "done" | "given up" | { readonly again: number };

/** The rules of one process; `disrupted`: who stops it says that this is no failure. */
interface Rules {
  readonly grace: number;
  judge(how: End["how"], disrupted: boolean): Verdict;
  /** Its machine has started again. */
  boot(): void;
}

function kubelet(): Rules {
  const job = "kubernetes/job.yaml";
  const limit = Number(field(job, /backoffLimitPerIndex: (\d+)/));
  const fatal = field(job, /FailJob[\s\S]*?values: \[([\d, ]+)\]/).split(",").map(Number); // prettier-ignore
  const ignores = /action: Ignore\s+onPodConditions:\s+- type: DisruptionTarget/.test(textOf(job));
  if (field(job, /restartPolicy: (\w+)/) !== "Never") throw new Error("restartPolicy: only Never is played here");
  let failures = 0;
  return {
    grace: Number(field(job, /terminationGracePeriodSeconds: (\d+)/)),
    judge(how, disrupted) {
      if (how === 0) return "done";
      if (disrupted && ignores) return { again: 0 };
      if (fatal.includes(how as number) || ++failures > limit) return "given up";
      return { again: Math.min(10 * 2 ** (failures - 1), 360) };
    },
    boot() {},
  };
}

function systemd(): Rules {
  const unit = "systemd/scorestream@.service";
  const prevented = field(unit, /RestartPreventExitStatus=([\d ]+)/).split(" ").map(Number); // prettier-ignore
  const clean = [0, "SIGTERM", ...field(unit, /SuccessExitStatus=([\d ]+)/).split(" ").map(Number)]; // prettier-ignore
  if (field(unit, /Restart=(.*)/) !== "on-failure") throw new Error("Restart: only on-failure is played here");
  const [interval, pause] = [/StartLimitIntervalSec=(.*)/, /RestartSec=(.*)/].map((one) => seconds(field(unit, one)));
  const burst = Number(/StartLimitBurst=(\d+)/.exec(textOf(unit))?.[1] ?? Infinity);
  let starts = [performance.now()];
  return {
    grace: seconds(field(unit, /TimeoutStopSec=(.*)/)),
    judge(how, disrupted) {
      // An administrator who stops it starts it again.
      if (disrupted) return { again: 30 };
      if (clean.includes(how)) return "done";
      if (prevented.includes(how as number)) return "given up";
      const now = performance.now();
      starts = [...starts.filter((at) => now - at < (1000 * interval!) / FASTER), now];
      return interval! > 0 && starts.length > burst ? "given up" : { again: pause! };
    },
    boot: () => (starts = []),
  };
}

const faults = ["kill", "freeze", "drain", "reboot", "reboot without its workdir"] as const;
type Fault = (typeof faults)[number];

/** A place in the run, whose process is started again as its launcher's rules say. */
class Place {
  process: NodeProcess;
  #disrupted = false;
  /** Seconds that its machine needs to start; undefined: it did not go. */
  #boot: number | undefined;
  readonly ended: Promise<Verdict>;
  readonly #rules: Rules;
  readonly #start: () => NodeProcess;
  starts = 1;

  constructor(start: () => NodeProcess, rules: Rules) {
    [this.#rules, this.#start, this.process] = [rules, start, start()];
    this.ended = this.#keep();
  }

  async #keep(): Promise<Verdict> {
    for (;;) {
      const { how } = await this.process.ended;
      const verdict = this.#boot === undefined ? this.#rules.judge(how, this.#disrupted) : { again: this.#boot };
      if (typeof verdict === "string") return verdict;
      if (this.#boot !== undefined) this.#rules.boot();
      [this.#disrupted, this.#boot] = [false, undefined];
      await wait(verdict.again);
      this.starts++;
      this.process = this.#start();
    }
  }

  async suffer(fault: Fault, away = 60): Promise<void> {
    const { process } = this;
    if (fault === "freeze") {
      process.signal("SIGSTOP");
      await wait(90);
      process.signal("SIGCONT");
    } else if (fault === "drain") {
      this.#disrupted = true;
      process.signal("SIGTERM");
      await Promise.race([process.ended, wait(this.#rules.grace).then(() => process.signal("SIGKILL"))]);
    } else {
      if (fault !== "kill") this.#boot = away;
      process.signal("SIGKILL");
      await process.ended;
      if (fault === "reboot without its workdir") rmSync(process.workdir, { recursive: true, force: true });
    }
  }
}

const alone = await startProcess({ name: "alone", steps: STEPS }).ended;

async function play(launcher: "kubernetes" | "systemd", nodes: number, isAway: boolean): Promise<boolean> {
  const random = randomFrom(nodes);
  const free = await freePort();
  const address = `127.0.0.1:${free.port}`;
  await free.release();
  const prefix = `${launcher}-${nodes}${isAway ? "-away" : ""}`;
  const options = ["--set", `exchange.deadlineSeconds=${60 / FASTER}`, "--set", "training.logEvery=5"];
  const among = (rank: number) => [rank === 0 ? "--listen" : "--join", address, ...["--world", String(nodes)], ...["--rank", String(rank)]]; // prettier-ignore
  const log: number[] = [];
  const start = (rank: number) => () => {
    const node = startProcess({ name: `${prefix}-${rank}`, steps: STEPS, options: [...options, ...(nodes > 1 ? among(rank) : [])] }); // prettier-ignore
    node.child.stderr!.on("data", (text) => {
      log.push(...stepsSaid(String(text)));
    });
    return node;
  };
  const begun = performance.now();
  const rules = launcher === "kubernetes" ? kubelet : systemd;
  const places = Array.from({ length: nodes }, (_, rank) => new Place(start(rank), rules()));
  let over = false;
  const ended = Promise.all(places.map((place) => place.ended)).finally(() => (over = true));
  const done: string[] = [];
  const planned: readonly Fault[] = isAway ? ["reboot"] : faults;
  /** All take part again, or the run is over. */
  const isWhole = () => over || places.every(({ process }) => process.running() && process.step() > 0);
  for (const fault of planned) {
    while (!isWhole()) await delay(20);
    await delay(1000);
    if (over) break;
    const victim = isAway ? 0 : Math.floor(random() * nodes);
    done.push(`${fault} of ${victim}`);
    await places[victim]!.suffer(fault, isAway ? 3600 : 60);
  }
  const verdicts = await ended;
  const ends = await Promise.all(places.map(({ process }) => process.ended));
  const good = verdicts.every((one) => one === "done") && ends.every(({ parameters }) => parameters === alone.parameters); // prettier-ignore
  const cells = [
    ...[launcher, nodes, done.join(", "), places.map(({ starts }) => starts).join(" + ")],
    ...[lostSteps(log), ((performance.now() - begun) / 1000).toFixed(0)],
    good ? "the same parameters" : `NOT AS IT SHOULD BE: ${verdicts.join(", ")}`,
  ];
  console.log(`| ${cells.join(" | ")} |`);
  if (!good) for (const { process } of places) console.error(`--- ${process.name}\n${process.told().slice(-3000)}`);
  for (let rank = 0; rank < nodes; rank++) rmSync(join(workdirOf(`${prefix}-${rank}`)), { recursive: true, force: true }); // prettier-ignore
  return good;
}

const launchers = (["kubernetes", "systemd"] as const).filter((one) => given.includes(one));
const counts = given.map(Number).filter((count) => count > 0);
console.log(`| launcher | nodes | faults | starts | steps lost | s | end |\n|${" --- |".repeat(7)}`);
let good = true;
for (const launcher of launchers.length > 0 ? launchers : (["kubernetes", "systemd"] as const)) {
  for (const nodes of counts.length > 0 ? counts : [1, 2, 3, 4]) good = (await play(launcher, nodes, given.includes("away"))) && good; // prettier-ignore
}
process.exit(good ? 0 : 1);
