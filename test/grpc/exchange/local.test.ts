/** Rounds of local steps over nodes of this process. */
import { lastValueFrom, pipe, tap } from "rxjs";
import { describe, expect, it } from "vitest";
import { trainBatches } from "../../../src/streams/batches.ts";
import { accumulate } from "../../../src/streams/accumulate.ts";
import { adam } from "../../../src/streams/adam.ts";
import { credit, withCredit } from "../../../src/streams/credit.ts";
import { ema } from "../../../src/streams/ema.ts";
import { localSteps } from "../../../src/streams/local-steps.ts";
import { mlp } from "../../../src/models/mlp.ts";
import { scoreNetwork, type ScoreNetwork } from "../../../src/models/score-network.ts";
import { scoreMatching } from "../../../src/streams/score-matching.ts";
import { inRounds } from "../../../src/run/rounds.ts";
import { LocalGroup } from "../../../src/training/local-group.ts";
import type { Group } from "../../../src/training/peers.ts";
import { summedVectors, type Moments } from "../../../src/training/replica.ts";
import { TrainState } from "../../../src/training/train-state.ts";
import { until } from "../fixture.ts";
import { BATCH, examples, network, noisy, optimizer, sde, startNode, type NodeSetup } from "./fixture.ts";

const [EVERY, REPLICAS, SHARDS] = [3, 4, 8];
const outer = { learningRate: 0.7, momentum: 0.9 };
/** Rounds. */
const TO = 6;

/** What is sent, of which network. */
interface Sent {
  readonly network: ScoreNetwork;
  readonly moments: Moments;
  readonly int8: boolean;
}
const floats: Sent = { network, moments: "averaged", int8: false };
/** Of several blocks, so that each of four nodes sums some. */
const int8: Sent = {
  network: scoreNetwork(mlp({ dims: 3, width: 24, depth: 1 }), { reduceMean: true, compile: false }),
  moments: "restarted",
  int8: true,
};

/** A round's stages, told of each step that was taken here. */
function training(
  { network, moments }: Sent,
  state: TrainState,
  peers: Group,
  to: number,
  onStep: (step: number) => void = () => {},
) {
  const pace = credit(4);
  const options = { batchSize: BATCH, shards: SHARDS, seed: 3, from: state.step, to: to * EVERY, peers, pace };
  const local = { state, shards: SHARDS, outer, moments, learningRate: () => 0 };
  return withCredit(2 * REPLICAS, (credit) =>
    trainBatches(examples, "data", { ...options, credit }).pipe(
      noisy,
      localSteps(peers, local, (replica) =>
        pipe(
          scoreMatching(network, sde, replica, { weighting: "importance", seed: 3 }),
          accumulate(SHARDS / REPLICAS),
          adam(replica, { ...optimizer, ...(moments === "restarted" && { restartEvery: EVERY }) }),
          tap(({ info }) => onStep(info.step)),
          pace.refund(SHARDS / REPLICAS),
        ),
      ),
      ema(state, { rate: 0.9 ** EVERY, compile: false }),
      credit.refund(REPLICAS),
    ),
  );
}

const fresh = ({ network }: Sent = floats) => {
  const state = TrainState.initial(network.layout, 7);
  state.useOuter(true);
  return state;
};

async function trainAlone(sent: Sent) {
  const state = fresh(sent);
  const peers = new LocalGroup({ replicas: REPLICAS, every: EVERY, from: 0, to: TO, int8: sent.int8 });
  await lastValueFrom(training(sent, state, peers, TO));
  const snapshot = state.snapshot();
  state.dispose();
  return snapshot;
}

const answers = new Map<Sent, ReturnType<typeof trainAlone>>();
/** What one node alone comes to. */
const alone = (sent: Sent = floats) => {
  if (!answers.has(sent)) answers.set(sent, trainAlone(sent));
  return answers.get(sent)!;
};

interface LocalSetup extends Omit<NodeSetup, "to"> {
  readonly onLocalStep?: (step: number) => void;
  readonly sent?: Sent;
}

/** A node that takes local steps; its snapshot is that of its end. */
function start(setup: LocalSetup = {}) {
  const { sent = floats } = setup;
  const state = setup.state ?? fresh(sent);
  let last: ReturnType<TrainState["snapshot"]> | undefined;
  const P = sent.network.layout.length;
  const parameters = summedVectors(sent.moments) * P;
  const run = { shards: REPLICAS, shardSize: EVERY, parameters, bfloat16: false, int8: sent.int8, local: { every: EVERY, parameters: P } }; // prettier-ignore
  const node = startNode({
    ...setup,
    ...{ to: TO, state, onEnd: () => (last = state.snapshot()) },
    group: { run, state: inRounds(state, EVERY), ...setup.group },
    stages: (peers) => training(sent, state, peers, TO, setup.onLocalStep),
  });
  return { ...node, state, snapshot: () => last! };
}

const expectAlone = (...nodes: ReturnType<typeof start>[]) => expectSame(floats, nodes);

async function expectSame(sent: Sent, nodes: readonly ReturnType<typeof start>[]) {
  const one = await alone(sent);
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

  it.each([1, 2, 4])("come to the bits of one alone on %d nodes with int8 on the wire too", async (world) => {
    const bytes: number[] = [];
    const setup = { sent: int8, group: { onExchange: (cost: { bytes: number }) => void bytes.push(cost.bytes) } };
    const first = start({ ...setup, world });
    const join = await first.endpoint;
    await expectSame(int8, [first, ...Array.from({ length: world - 1 }, () => start({ ...setup, join }))]);
    // Each replica's change goes to the owner of each range but the own one, and each sum to all others.
    const P = int8.network.layout.length;
    expect(P).toBeGreaterThan(4 * 256);
    const losses = 2 * 4 * EVERY * REPLICAS * (world - 1);
    const all = ((REPLICAS + world) * (world - 1) * (P + 4 * Math.ceil(P / 256))) / world;
    const perRound = bytes.reduce((a, b) => a + b, 0) / TO;
    expect(Math.abs(perRound - losses - all)).toBeLessThanOrEqual(world * 260);
  });

  it("come to them too with int8 when a node is killed, and another comes later", async () => {
    let steps = 0;
    const first = start({ sent: int8, world: 3 });
    const join = await first.endpoint;
    const [second, third] = [start({ sent: int8, join }), start({ sent: int8, join, onLocalStep: () => steps++ })];
    await until(() => steps === 4);
    third.kill();
    await until(() => first.state.step >= 3 * EVERY);
    await expectSame(int8, [first, second, start({ sent: int8, join })]);
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
