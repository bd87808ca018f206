/** One run of simulated nodes with faults that follow from a seed, and what must hold all the time. */
import { ENTERING, GATHERING, LINGER, SEARCH } from "../../src/exchange/limits.ts";
import { alone, Disk, hashOf, type Values } from "./model.ts";
import { SimulatedNode } from "./node.ts";
import type { Setup, Surroundings } from "./surroundings.ts";
import { Network, randomOf, World, type Process } from "./world.ts";

export interface Outcome {
  readonly seed: number;
  /** The property that did not hold. */
  readonly broken: string | undefined;
  /** Events as lines, rendered when asked for. */
  readonly log: readonly string[];
  /** Seconds of virtual time. */
  readonly seconds: number;
  readonly faults: number;
}

/** Events that happen to the nodes; times in ms. */
export interface Plan {
  readonly nodes: number;
  readonly setup: Setup;
  /** Network delay, one way. */
  readonly delay: number;
  /** Faults come until then; afterwards all is well. */
  readonly faultsUntil: number;
  readonly faults: readonly Fault[];
}

export type Fault =
  | { readonly at: number; readonly kind: "freeze"; readonly host: number; readonly ms: number }
  /** `silent`: the machine is gone with it, nobody is told, and what was not synced is lost. */
  | {
      readonly at: number;
      readonly kind: "kill";
      readonly host: number;
      readonly silent: boolean;
      readonly workdir: "same" | "older" | "newer" | "none";
      readonly restart: number;
    }
  | { readonly at: number; readonly kind: "block"; readonly from: number; readonly to: number; readonly ms: number }
  | { readonly at: number; readonly kind: "stop"; readonly host: number }
  | { readonly at: number; readonly kind: "idle"; readonly host: number; readonly ms: number }
  /** Between two steps it is busy with something else, a checkpoint say. */
  | { readonly at: number; readonly kind: "pause"; readonly host: number; readonly ms: number }
  | { readonly at: number; readonly kind: "drift"; readonly host: number };

/** A plan that follows from a seed. */
export function planOf(seed: number): Plan {
  const random = randomOf(seed);
  const below = (n: number) => Math.floor(random() * n);
  const of = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const nodes = 2 + below(8);
  const deadline = 1000;
  const setup: Setup = {
    ...{ seed, to: 10 + below(15), shards: nodes + below(4), world: 1 + below(nodes), deadline },
    ...{ shardTime: 100 + below(400), saveEvery: 1 + below(4) },
  };
  const faultsUntil = 1000 + below(9000);
  const faults = Array.from({ length: below(9) }, (): Fault => {
    const [at, host] = [below(faultsUntil), below(nodes)];
    const ms = of([50, 400, 1500, 4000, 9000]);
    return of<() => Fault>([
      () => ({ at, kind: "freeze", host, ms }),
      () => ({ at, kind: "freeze", host, ms }),
      () => ({
        ...{ at, kind: "kill", host, silent: random() < 0.4, restart: of([10, 300, 2500, 7000]) },
        workdir: of(["same", "same", "same", "older", "newer", "none"]),
      }),
      () => ({ at, kind: "kill", host, silent: random() < 0.4, restart: of([10, 300, 2500]), workdir: "same" }),
      () => ({ at, kind: "block", from: host, to: (host + 1 + below(nodes - 1)) % nodes, ms }),
      () => ({ at, kind: "stop", host }),
      () => ({ at, kind: "idle", host, ms }),
    ])();
  });
  return { nodes, setup, delay: of([0.5, 5, 40]), faultsUntil, faults: faults.sort((a, b) => a.at - b.at) };
}

/** ms within which everything has to be over once there are no more faults. */
const endLimit = ({ setup: { to, deadline, shards, shardTime } }: Plan) =>
  deadline * (GATHERING + SEARCH + 2 * LINGER + 4 * ENTERING) + 2 * to * (deadline + 2 * shards * shardTime);

/** When the last fault is over, whatever it does. */
const quietFrom = ({ faults, faultsUntil }: Plan) =>
  faults.reduce((end, fault) => {
    const lasts = ("ms" in fault ? fault.ms : 0) + ("restart" in fault ? fault.restart : 0);
    return Math.max(end, fault.at + lasts);
  }, faultsUntil);

/** ms within which the run does a step once there are no more faults: one node may have to compute all of it. */
const stepLimit = ({ setup: { deadline, shards, shardTime } }: Plan) => 2 * deadline + 1.5 * shards * shardTime;

/** 0 at the end, 143 after a signal, 1 for what passes: never 2, and never for what only broken arithmetic brings about. */
function isExpected(code: number, why: string, { drifts = false }: Setup): boolean {
  if (code !== 1) return code === 0 || code === 143;
  return /"kind":"(lost|not admitted|superseded)"/.test(why) || (drifts && why.includes('"kind":"differ"'));
}

/** Times that whoever starts processes starts one again that failed. */
const RESTARTS = 20;

export function simulate(seed: number, plan: Plan = planOf(seed)): Outcome {
  const { nodes: count, setup, faultsUntil } = plan;
  const world = new World();
  const random = randomOf(seed ^ 0x5eed);
  const network = new Network(world, random, plan.delay);
  const reference = alone(seed, setup.to, setup.shards);
  const hashes = reference.map(hashOf);
  const disks = Array.from({ length: count }, (_, host) => new Disk(`workdir ${host}`));
  const nodes: (SimulatedNode | undefined)[] = disks.map(() => undefined);
  /** Machines that are gone: what is sent there gets lost. */
  const dark = new Map<number, Process>();
  const restarts = disks.map(() => 0);
  const done = new Set<number>();
  const checked = new WeakSet<Values>();
  const quiet = quietFrom(plan);
  const newest = { step: 0, at: 0 };
  let broken: string | undefined;
  let incarnations = 0;
  const fail = (text: string) => {
    broken ??= text;
    world.say("BROKEN", text);
  };

  const start = (host: number) => {
    // Connections of before are broken some time after the machine is there again.
    const before = dark.get(host);
    world.after(400, () => before?.reset());
    dark.delete(host);
    const disk = disks[host]!;
    const found = disk.newest();
    if ((found?.step ?? -1) < disk.reported) fail(`n${host}: step ${disk.reported} was reported as saved, found is ${found?.step}`); // prettier-ignore
    world.say(`n${host}`, `starts with step ${found?.step ?? "none"}`);
    // Before it is there nobody can call it.
    const node = new SimulatedNode(host, disk, around, `run ${incarnations++}`);
    nodes[host] = node.process.running ? node : undefined;
  };
  const restart = (host: number, ms: number) => {
    if (restarts[host]!++ >= RESTARTS) return fail(`n${host}: failed ${RESTARTS} times`);
    world.after(ms, () => !done.has(host) && !nodes[host] && start(host));
  };
  const around: Surroundings = {
    ...{ world, network, random, setup },
    at: (host) => (dark.has(host) ? "silent" : nodes[host]),
    onState(node, values) {
      if (checked.has(values)) return;
      checked.add(values);
      if (setup.drifts) return;
      if (hashOf(values) !== hashes[values.step]) fail(`${node.name}: other bits after ${values.step} steps`);
      world.say(node.name, `is at step ${values.step}`);
      // Members of a view are at most one step apart: the run has begun again from an older state.
      if (values.step < newest.step - 1) newest.step = values.step;
      if (values.step <= newest.step) return;
      const waited = world.now - Math.max(newest.at, quiet);
      if (waited > stepLimit(plan)) fail(`step ${values.step} took ${waited / 1000} s, without a fault`);
      Object.assign(newest, { step: values.step, at: world.now });
    },
    onSaved(node, values) {
      if (hashOf(values) !== hashes[values.step]) fail(`${node.name}: saved other bits after ${values.step} steps`);
    },
    onExit(node, code, why) {
      world.say(node.name, `exits with ${code}: ${why}`);
      node.process.end(false, true);
      nodes[node.host] = undefined;
      const { values } = node.work;
      if (code === 0 && hashOf(values) !== hashes[setup.to]) fail(`${node.name}: exit 0 with other bits`);
      if (code === 0 || code === 2) done.add(node.host);
      else if (done.has(0)) done.add(node.host);
      else restart(node.host, 300);
      if (!isExpected(code, why, setup)) fail(`${node.name}: exit ${code}: ${why}`);
    },
    onLeftOut(id, { members, phase }, now) {
      const member = members.find((one) => one.id === id)!;
      const answered = phase === "preparing" && member.ready !== undefined;
      if (answered) fail(`n${member.address}: put out although it had answered at ${now}`);
    },
  };

  const kill = (host: number, silent: boolean) => {
    const node = nodes[host];
    if (!node) return false;
    nodes[host] = undefined;
    if (silent) {
      dark.set(host, node.process);
      disks[host]!.crash();
    }
    node.process.end(silent);
    return true;
  };

  /** Puts another state in the workdir. */
  function changeWorkdir(host: number, to: "same" | "older" | "newer" | "none"): void {
    if (to === "same") return;
    const step = disks[host]!.newest()?.step ?? 0;
    disks[host] = new Disk(to === "none" ? `workdir ${host}, again ${incarnations}` : disks[host]!.identity);
    const other = to === "older" ? Math.floor(step / 2) : Math.min(setup.to, step + 2);
    if (to !== "none") disks[host]!.write(reference[other]!)();
  }

  const happen = (fault: Fault) => {
    world.say("fault", JSON.stringify(fault));
    switch (fault.kind) {
      case "freeze": {
        const node = nodes[fault.host];
        node?.process.freeze();
        return world.after(fault.ms, () => node?.process.thaw());
      }
      case "block":
        return network.block(fault.from, fault.to, fault.ms);
      case "pause":
        return nodes[fault.host]?.work.pause(fault.ms);
      case "drift":
        return nodes[fault.host]?.work.drift();
      case "stop":
        return nodes[fault.host]?.process.do(() => nodes[fault.host]?.stop());
      case "idle": {
        const node = nodes[fault.host];
        if (!node) return;
        node.work.idle = true;
        return world.after(fault.ms, () => (node.work.idle = false));
      }
      case "kill":
        if (!kill(fault.host, fault.silent)) return;
        changeWorkdir(fault.host, fault.workdir);
        restart(fault.host, fault.restart);
    }
  };

  for (let host = 0; host < count; host++) world.after(random() * 500, () => start(host));
  for (const fault of plan.faults) world.after(fault.at, () => happen(fault));
  world.after(faultsUntil, () => network.heal());
  const late = world.run(faultsUntil + 10_000 + endLimit(plan), () => broken !== undefined || done.size === count);
  if (late && !broken) {
    const left = nodes.flatMap((node) => (node && !done.has(node.host) ? [`${node.name} at step ${node.work.values.step}, view ${node.member.viewNumber}, waits for ${node.member.waiting?.from}`] : [])); // prettier-ignore
    fail(`not over after ${world.now / 1000} s: ${left.join("; ")}`);
  }
  if (!late && !broken && done.size < count) fail(`only ${done.size} of ${count} nodes ended`);
  return {
    ...{ seed, broken, seconds: world.now / 1000, faults: plan.faults.length },
    get log() {
      return world.log;
    },
  };
}
