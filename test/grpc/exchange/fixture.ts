/** Nodes of this process that train a Gaussian together over loopback. */
import { lastValueFrom, pipe, tap, type Observable } from "rxjs";
import { onTestFinished } from "vitest";
import { floats } from "../../../src/data/batch.ts";
import { exchangeGroup, type ExchangeTargets, type GroupOptions } from "../../../src/grpc/exchange/group.ts";
import type { Endpoint } from "../../../src/grpc/endpoint.ts";
import { mlp } from "../../../src/models/mlp.ts";
import { scoreNetwork, type ScoreNetwork } from "../../../src/models/score-network.ts";
import { sampleChain } from "../../../src/data/gaussian-chain.ts";
import { alone, type Group, type Peers } from "../../../src/training/peers.ts";
import { TrainState } from "../../../src/training/train-state.ts";
import { accumulate } from "../../../src/streams/accumulate.ts";
import { adam } from "../../../src/streams/adam.ts";
import { allReduce } from "../../../src/streams/all-reduce.ts";
import { withCredit } from "../../../src/streams/credit.ts";
import { ema } from "../../../src/streams/ema.ts";
import { examplesOf } from "../../../src/data/examples.ts";
import { trainBatches } from "../../../src/streams/batches.ts";
import { perturb } from "../../../src/streams/perturb.ts";
import { sampleTime } from "../../../src/streams/sample-time.ts";
import { scoreMatching } from "../../../src/streams/score-matching.ts";
import { vpSDE } from "../../../src/sde/vp.ts";

export const BATCH = 16;
export const SHARDS = 4;
export const sde = vpSDE({ betaMin: 0.1, betaMax: 20, N: 1000 });
export const examples = examplesOf(sampleChain({ dims: 3, std: 0.5, rho: 0.7 }, 64, 1), [3]);

/** The network all nodes of a test share; its graphs depend on nothing else. */
export const network: ScoreNetwork = scoreNetwork(mlp({ dims: 3, width: 8, depth: 1 }), {
  reduceMean: true,
  compile: false,
});

export const optimizer = {
  ...{ beta1: 0.9, beta2: 0.999, eps: 1e-8, gradClip: 1, weightDecay: 0, compile: false },
  ...{ lr: 1e-2, warmup: 2, schedule: "constant" as const, finalLr: 0, decaySteps: 1 },
};

/** From examples to what the loss takes. */
export const noisy = pipe(
  sampleTime<"data">(sde, { eps: 1e-3, density: "likelihood", seed: 3 }),
  perturb(sde, { seed: 3 }),
);

export const freshState = () => TrainState.initial(network.layout, 7);

/** Losses by step that a run told. */
export interface Trained {
  readonly steps: number[];
  readonly losses: number[];
}

export interface TrainOptions {
  readonly to: number;
  readonly shards?: number;
  readonly signal?: AbortSignal;
  /** Called after each step with the number of updates. */
  readonly onStep?: (step: number) => void;
}

/** The training half of a pipeline. */
export function training(state: TrainState, peers: Peers, { to, shards = SHARDS, signal, onStep }: TrainOptions) {
  const told: Trained = { steps: [], losses: [] };
  const options = { batchSize: BATCH, shards, seed: 3, from: state.step, to, signal, peers };
  const stream = withCredit(2 * shards, (credit) =>
    trainBatches(examples, "data", { ...options, credit })
      .pipe(noisy)
      .pipe(
        scoreMatching(network, sde, state, { weighting: "importance", seed: 3 }),
        allReduce(peers),
        accumulate(shards),
        adam(state, optimizer),
        ema(state, { rate: 0.9, compile: false }),
        credit.refund(shards),
        tap((row) => {
          told.steps.push(row.info.step);
          told.losses.push(floats(row, "loss").data[0]!);
          onStep?.(state.step);
        }),
      ),
  );
  return { stream, told };
}

const answers = new Map<string, { digest: string; losses: number[] }>();

/** What one node alone comes to. */
export async function aloneTo(to: number, shards = SHARDS) {
  const key = `${to}/${shards}`;
  if (!answers.has(key)) {
    const state = freshState();
    const { stream, told } = training(state, alone(), { to, shards });
    await lastValueFrom(stream, { defaultValue: undefined });
    answers.set(key, { digest: state.digest(), losses: told.losses });
    state.dispose();
  }
  return answers.get(key)!;
}

export interface NodeSetup extends TrainOptions {
  readonly join?: Endpoint;
  readonly world?: number;
  readonly rank?: number;
  /** ms. */
  readonly deadline?: number;
  readonly targets?: Partial<ExchangeTargets>;
  readonly group?: Partial<GroupOptions>;
  readonly state?: TrainState;
  /** In place of {@link training}. */
  readonly stages?: (peers: Group) => Observable<unknown>;
  /** Called before the state is freed. */
  readonly onEnd?: () => void;
}

export interface RunningNode {
  readonly state: TrainState;
  readonly told: Trained;
  readonly messages: string[];
  /** Resolves once it listens. */
  readonly endpoint: Promise<Endpoint>;
  /** How it ended. */
  readonly ended: Promise<{ digest: string; error?: Error }>;
  /** Cuts it off in the middle, as a kill does to a process: nothing is told to anybody. */
  kill(): void;
}

/** Starts a node. */
export function startNode(setup: NodeSetup): RunningNode {
  const { to, shards = SHARDS, join, world = 1, rank = 0, deadline = 4000, signal } = setup;
  const state = setup.state ?? freshState();
  const messages: string[] = [];
  let found: (endpoint: Endpoint) => void;
  const endpoint = new Promise<Endpoint>((resolve) => (found = resolve));
  const tell = (text: string) => {
    messages.push(text);
    const match = /exchange: .* (127\.0\.0\.1):(\d+)$/.exec(text);
    if (match) found({ host: match[1]!, port: Number(match[2]) });
  };
  const peers = exchangeGroup({
    targets: {
      ...{ listen: { host: "127.0.0.1", port: 0 }, world, rank, security: {}, securityOf: () => ({}) },
      ...(join && { join }),
      ...setup.targets,
    },
    run: { shards, shardSize: BATCH / shards, parameters: network.layout.length, bfloat16: false },
    ...{ state, to, signal, deadline, tell, config: {}, differences: () => [] },
    ...setup.group,
  });
  const { stream, told } = setup.stages
    ? { stream: setup.stages(peers), told: { steps: [], losses: [] } }
    : training(state, peers, setup);
  let end: (result: { digest: string; error?: Error }) => void;
  const ended = new Promise<{ digest: string; error?: Error }>((resolve) => (end = resolve));
  const finish = (error?: Error) => {
    end({ digest: state.digest(), ...(error && { error }) });
    setup.onEnd?.();
    state.dispose();
  };
  const subscription = stream.subscribe({ error: (error: Error) => finish(error), complete: () => finish() });
  const kill = () => {
    if (subscription.closed) return;
    subscription.unsubscribe();
    finish(new Error("killed"));
  };
  onTestFinished(kill);
  return { state, told, messages, endpoint, ended, kill };
}
