/** Rounds of local steps over nodes of this process. */
import { lastValueFrom, pipe, tap } from "rxjs";
import { describe, expect, it } from "vitest";
import { trainBatches } from "../../../src/streams/batches.ts";
import { accumulate } from "../../../src/streams/accumulate.ts";
import { adam } from "../../../src/streams/adam.ts";
import { credit, withCredit } from "../../../src/streams/credit.ts";
import { ema } from "../../../src/streams/ema.ts";
import { localSteps } from "../../../src/streams/local-steps.ts";
import { scoreMatching } from "../../../src/streams/score-matching.ts";
import { inRounds } from "../../../src/run/rounds.ts";
import { LocalGroup } from "../../../src/training/local-group.ts";
import type { Group } from "../../../src/training/peers.ts";
import type { TrainState } from "../../../src/training/train-state.ts";
import { until } from "../fixture.ts";
import { BATCH, examples, freshState, network, noisy, optimizer, sde, startNode, type NodeSetup } from "./fixture.ts";

const [EVERY, REPLICAS, SHARDS] = [3, 4, 8];
const outer = { learningRate: 0.7, momentum: 0.9 };
/** Rounds. */
const TO = 6;

/** A round's stages, told of each step that was taken here. */
function training(state: TrainState, peers: Group, to: number, onStep: (step: number) => void = () => {}) {
  const pace = credit(4);
  const options = { batchSize: BATCH, shards: SHARDS, seed: 3, from: state.step, to: to * EVERY, peers, pace };
  const local = { state, shards: SHARDS, outer, moments: "averaged" as const, learningRate: () => 0 };
  return withCredit(2 * REPLICAS, (credit) =>
    trainBatches(examples, "data", { ...options, credit }).pipe(
      noisy,
      localSteps(peers, local, (replica) =>
        pipe(
          scoreMatching(network, sde, replica, { weighting: "importance", seed: 3 }),
          accumulate(SHARDS / REPLICAS),
          adam(replica, optimizer),
          tap(({ info }) => onStep(info.step)),
          pace.refund(SHARDS / REPLICAS),
        ),
      ),
      ema(state, { rate: 0.9 ** EVERY, compile: false }),
      credit.refund(REPLICAS),
    ),
  );
}

const fresh = () => {
  const state = freshState();
  state.useOuter(true);
  return state;
};

let answer: Promise<ReturnType<TrainState["snapshot"]>> | undefined;
/** What one node alone comes to. */
const alone = () =>
  (answer ??= (async () => {
    const state = fresh();
    const peers = new LocalGroup({ replicas: REPLICAS, every: EVERY, from: 0, to: TO });
    await lastValueFrom(training(state, peers, TO));
    const snapshot = state.snapshot();
    state.dispose();
    return snapshot;
  })());

interface LocalSetup extends Omit<NodeSetup, "to"> {
  readonly onLocalStep?: (step: number) => void;
}

/** A node that takes local steps; its snapshot is that of its end. */
function start(setup: LocalSetup = {}) {
  const state = setup.state ?? fresh();
  let last: ReturnType<TrainState["snapshot"]> | undefined;
  const P = network.layout.length;
  const run = { shards: REPLICAS, shardSize: EVERY, parameters: 3 * P, bfloat16: false, local: { every: EVERY, parameters: P } }; // prettier-ignore
  const node = startNode({
    ...setup,
    ...{ to: TO, state, onEnd: () => (last = state.snapshot()) },
    group: { run, state: inRounds(state, EVERY), ...setup.group },
    stages: (peers) => training(state, peers, TO, setup.onLocalStep),
  });
  return { ...node, state, snapshot: () => last! };
}

async function expectAlone(...nodes: ReturnType<typeof start>[]) {
  const one = await alone();
  for (const node of nodes) {
    const { error } = await node.ended;
    expect(error).toBeUndefined();
    expect(node.snapshot()).toEqual(one);
  }
}

describe("local steps over several nodes", { timeout: 30_000 }, () => {
  it.each([2, 3, 4])("come to the same bits on %d nodes as alone", async (world) => {
    const first = start({ world });
    const join = await first.endpoint;
    await expectAlone(first, ...Array.from({ length: world - 1 }, () => start({ join })));
  });

  it("come to them too when a node is killed in the middle of a round, and another comes later", async () => {
    let steps = 0;
    const first = start({ world: 3 });
    const join = await first.endpoint;
    const [second, third] = [start({ join }), start({ join, onLocalStep: () => steps++ })];
    await until(() => steps === 4);
    third.kill();
    await until(() => first.state.step >= 3 * EVERY);
    const late = start({ join });
    await expectAlone(first, second, late);
    expect(late.messages.join()).toMatch(/the state after \d+ steps was taken over/);
    const taken = Number(/after (\d+) steps/.exec(late.messages.join())![1]);
    expect(taken % EVERY).toBe(0);
    expect(taken).toBeGreaterThanOrEqual(3 * EVERY);
  });

  it("gives the round in hand up when a node is told to stop, and keeps the state of its start", async () => {
    const stop = new AbortController();
    const seen: number[] = [];
    const first = start({ world: 2 });
    const onLocalStep = (step: number) => {
      seen.push(step);
      if (step === 4) stop.abort();
    };
    const second = start({ join: await first.endpoint, signal: stop.signal, onLocalStep });
    const { error } = await second.ended;
    expect(error).toBeUndefined();
    expect(second.snapshot().step).toBe(EVERY);
    // It carried two replicas, and did not begin the second one of the round; a step that was on its way may have ended.
    expect([...seen.slice(0, 8), seen[8] ?? 5]).toEqual([0, 1, 2, 0, 1, 2, 3, 4, 5]);
    expect(seen.length).toBeLessThanOrEqual(9);
    await expectAlone(first);
  });

  it("tells all when a replica's loss is not finite, by the step it was at", async () => {
    const first = start({ world: 2 });
    const state = fresh();
    const bad = () => {
      const snapshot = state.snapshot();
      state.restore({ ...snapshot, parameters: snapshot.parameters.map(() => 1e30) });
    };
    const second = start({ join: await first.endpoint, state, onLocalStep: (step) => step === 2 && bad() });
    const [{ error }, other] = [await first.ended, await second.ended];
    expect(error?.message).toMatch(/^step \d+: the loss is/);
    expect(other.error?.message).toMatch(/^step \d+: the loss is/);
  });
});
