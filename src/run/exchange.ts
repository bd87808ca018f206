/** Training with others: from the command line's options to the peers of a session. */
import { Observable, Subject } from "rxjs";
import { exchangeGroup } from "../grpc/exchange/group.ts";
import { UsageError } from "../base/errors.ts";
import { LocalGroup } from "../training/local-group.ts";
import { summedVectors } from "../training/replica.ts";
import { alone, type Peers } from "../training/peers.ts";
import type { CheckpointStore } from "../training/checkpoints/checkpoint-store.ts";
import type { TrainState } from "../training/train-state.ts";
import type { ScoreNetwork } from "../models/score-network.ts";
import { arithmeticOf } from "./arithmetic.ts";
import { dataDifference } from "./data-identity.ts";
import { nodeIdentity } from "./node-identity.ts";
import { boundFields, differences, type StoredConfig } from "./config-file.ts";
import { exchangeCosts } from "./exchange-costs.ts";
import { requireCollectives } from "./exchange-engine.ts";
import { fieldsWith } from "./own-fields.ts";
import type { RunContext, RunEvent } from "./pipeline.ts";
import { inRounds, requireRoundEnd, roundsOf } from "./rounds.ts";

export interface PeersOfRun {
  readonly peers: Peers;
  /** Events of the exchange while the run trains. */
  readonly events: Observable<RunEvent>;
}

/** Settings in which the nodes of a run must agree: those that the parameters depend on. */
const shared = (fields: RunContext["fields"]) =>
  [
    ...boundFields("train", fieldsWith(fields)),
    "training.steps",
    "training.largestLoss",
    "exchange.engine",
    "exchange.mixed",
    "exchange.verifyEvery",
  ].filter((name) => name !== "checkpoint");

/** The training that takes part in the exchange. */
export interface Trained {
  readonly state: TrainState;
  readonly store: CheckpointStore;
  readonly network: ScoreNetwork;
  /** Digest of the data of the training. */
  readonly data: string | undefined;
}

const isConfig = (value: unknown): value is StoredConfig => typeof value === "object" && value !== null;

/** The settings and data that a node has otherwise than those it wants to join, a text each. */
export function otherSettings(
  context: Pick<RunContext, "config" | "fields">,
  own: StoredConfig,
  theirs: unknown,
): string[] {
  if (!isConfig(theirs)) return ["config: not readable"];
  const settings = differences(own, theirs, ["pipeline", ...shared(context.fields)], fieldsWith(context.fields));
  const texts = settings.map(({ name, there, here }) => `${name}: ${there} there, ${here} here`);
  const [there, here] = [own, theirs].map(({ dataDigest = "not told" }) => dataDigest) as [string, string];
  return there === here ? texts : [...texts, dataDifference(context, there, here)];
}

/**
 * Those with whom a run trains; nobody, unless the command line names somebody.
 *
 * @throws UsageError for an exchange that there is not.
 */
export function peersOf(context: RunContext, { state, store, network, data }: Trained): PeersOfRun {
  const { exchange: targets, config, signal, name } = context;
  const events = new Subject<RunEvent>();
  const { training, exchange } = config;
  const collectives = exchange.engine === "tensorflow";
  if (collectives && context.mode === "train") requireCollectives(context);
  if (context.mode !== "train") return { peers: alone(), events };
  if (targets && training.onDivergence === "back") {
    throw new UsageError(
      "training.onDivergence: nodes that train together cannot take a step again",
      "--set training.onDivergence=stop, or train on one node",
    );
  }
  const rounds = roundsOf(config);
  if (rounds) requireRoundEnd(state, rounds);
  state.useOuter(rounds !== undefined);
  const { every, replicas } = rounds ?? { every: 1, replicas: training.shards };
  const to = training.steps / every;
  const int8 = exchange.wire === "int8";
  if (!targets) {
    const peers = rounds ? new LocalGroup({ every, replicas, from: state.step / every, to, signal, int8 }) : alone();
    return { peers, events };
  }
  const tell = (text: string) => events.next({ type: "message", text });
  const own: StoredConfig = { pipeline: name, preset: context.preset, dataDigest: data, ...config };
  const peers = exchangeGroup({
    targets,
    run: {
      shards: replicas,
      shardSize: rounds ? every : training.batchSize / training.shards,
      parameters: state.layout.length * (rounds ? summedVectors(exchange.moments) : 1),
      bfloat16: exchange.wire === "bfloat16",
      int8,
      averages: config.model.emaRates,
      ...(rounds && { local: { every, parameters: state.layout.length } }),
    },
    ...{ state: rounds ? inRounds(state, every) : state, to },
    ...{ collectives, signal, deadline: 1000 * exchange.deadlineSeconds, config: own },
    differences: (theirs) => otherSettings(context, own, theirs),
    tell,
    identity: nodeIdentity(context.workdir),
    arithmetic: () => arithmeticOf(context, network),
    mixed: exchange.mixed === "allow",
    verifyEvery: Math.ceil(exchange.verifyEvery / every),
    save() {
      const snapshot = state.snapshot();
      const told = (path: string) => tell(`the state after ${snapshot.step} steps was saved: ${path}`);
      store.save("checkpoints-meta", snapshot).then(told, (error: Error) => tell(`warning: not saved: ${error.message}`)); // prettier-ignore
    },
    onTakenOver(taken) {
      const step = taken * every;
      const folder = store.setAside(step);
      if (folder) tell(`checkpoints of ${step} steps and more, which this node had, are now in ${folder}`);
    },
    onExchange: exchangeCosts({ ...training, every: rounds?.every, tell: (event) => events.next(event) }),
  });
  store.heed((step) => peers.verified(step / every));
  return { peers, events };
}

/** The events of `work` and, for as long as it runs, those beside it. */
export const mergeWhile = (beside: Observable<RunEvent>, work: Observable<RunEvent>): Observable<RunEvent> =>
  new Observable((subscriber) => {
    subscriber.add(beside.subscribe((event) => subscriber.next(event)));
    subscriber.add(work.subscribe(subscriber));
  });
