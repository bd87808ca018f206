/** The resources of a run, from its first step to its last sample. */
import { catchError, concat, defer, EMPTY, merge, of, Subject, throwError, type Observable } from "rxjs";
import type { Tensor1D } from "@tensorflow/tfjs";
import { isDeepStrictEqual } from "node:util";
import { ProgressFile } from "../data/formats/progress-file.ts";
import { readProgress } from "../data/formats/read-progress.ts";
import { shellWord } from "../base/format.ts";
import { syncFile } from "../base/sync-file.ts";
import { UsageError } from "../base/errors.ts";
import type { ScoreFunction } from "../sde/score-function.ts";
import type { ScoreModel } from "../models/score-model.ts";
import { scoreNetwork, type ScoreNetwork } from "../models/score-network.ts";
import { CheckpointStore } from "../training/checkpoints/checkpoint-store.ts";
import type { Peers } from "../training/peers.ts";
import { TrainState } from "../training/train-state.ts";
import type { SDE } from "../sde/sde.ts";
import type { EvaluationKey } from "../streams/evaluate.ts";
import { owning } from "../streams/owning.ts";
import { countOf, type Evaluated } from "../metrics/evaluated.ts";
import { computedBy, evaluationWork, progressPath, requireSameVersion } from "./evaluation-work.ts";
import { requireTrainedWith } from "./checkpoint-config.ts";
import { fieldsWith } from "./own-fields.ts";
import { peersOf, mergeWhile } from "./exchange.ts";
import { precisionsOf } from "./precision.ts";
import { startingCheckpoint } from "./starting-checkpoint.ts";
import { compiles, evaluatedRate, sdeOf } from "./from-config.ts";
import { bindData, type DataDigests } from "./data-identity.ts";
import { metricsPath } from "./workdir.ts";
import { commandOf, type RunContext, type RunEvent } from "./pipeline.ts";
import { lacking, refuseDequantizer, refuseEvaluation, refuseSampling, type RunPhases } from "./run-phases.ts";

export type { RunPhases } from "./run-phases.ts";

/** The parts of a run that training, evaluation and sampling share. */
export interface Session {
  readonly sde: SDE;
  readonly network: ScoreNetwork;
  /** Parameters, moments and average, at the step from which the run continues. */
  readonly state: TrainState;
  readonly store: CheckpointStore;
  /** Digests of the data to which the run is bound. */
  readonly data: DataDigests | undefined;
  /** Nodes that train together. */
  readonly peers: Peers;
  /** The score with the averaged parameters at the time of each call. */
  readonly score: ScoreFunction;
  /** Returns the score with the given parameters, [P]. */
  scoreOf(parameters: Tensor1D): ScoreFunction;
  /** Emits an event outside the stream of the training. */
  tell(event: RunEvent): void;
  /**
   * Returns the results of an interrupted evaluation with these parameters and this configuration.
   *
   * @param total Values of the whole evaluation.
   * @param dequantizer SHA-256 of the averaged parameters of the variational dequantizer, if it is used.
   * @throws UsageError when another version of this program started the evaluation and did not finish it.
   */
  progress(key: EvaluationKey, total: number, dequantizer?: string): ProgressFile<Evaluated>;
  /** Returns such results for one kind of dequantization and any parameters of the dequantizer, for reading only. */
  found(key: EvaluationKey, dequantization: "uniform" | "variational"): readonly Evaluated[];
  /** SHA-256 of the averaged parameters. */
  averageDigest(): string;
}

const message = (text: string): RunEvent => ({ type: "message", text });

/** The network and the SDE that a run trains and evaluates. */
export interface SessionModel {
  readonly network: ScoreModel;
  /** The forward SDE; default: the one in the configuration. */
  readonly sde?: SDE;
  /**
   * Digests of the data, which `examplesOf` and every data set provide. A run does not continue on other data, and an
   * evaluation never mixes two data sets.
   */
  readonly data?: DataDigests;
}

interface Opened extends Session {
  /** Events outside the stream of the training. */
  readonly beside: Observable<RunEvent>;
  /** Events that come first. */
  readonly events: readonly RunEvent[];
  dispose(): void;
}

/**
 * @throws UsageError when there is nothing to evaluate or sample from, a checkpoint cannot be used, or the run was trained
 * on other data.
 */
function open(context: RunContext, { network: model, sde = sdeOf(context.config), data }: SessionModel): Opened {
  const { config, mode, workdir, engine, pipeline } = { pipeline: context.name, ...context };
  const events: RunEvent[] = [];
  if (!config.training.continuous && mode.startsWith("train")) {
    throw new UsageError(
      "training.continuous: discrete-time training is not supported",
      "train with continuous times; models of discrete steps can be evaluated and sampled",
    );
  }
  const compile = compiles({ config, engine });
  const { reduceMean } = config.training;
  const network = { ...scoreNetwork(model, { reduceMean, compile, precision: precisionsOf(config) }), sde };
  const { layout } = network;
  const store = new CheckpointStore({
    workdir,
    layout,
    config: { pipeline, preset: context.preset, dataDigest: data?.train, shape: model.shape, ...config },
    ...{ keep: config.training.keepCheckpoints, keepEvery: config.training.keepEvery },
    before: () => syncFile(metricsPath(workdir)),
  });
  const found = startingCheckpoint(context, network, store, (text) => events.push(message(text)));
  if (!found && mode !== "train") {
    throw new UsageError(
      `workdir ${workdir} has no checkpoint to ${PURPOSES[mode]}`,
      `train first (${commandOf(context)} --workdir ${shellWord(workdir)}), or name one with --set checkpoint=FILE`,
    );
  }
  if (found) {
    const { path, snapshot } = found;
    const { steps } = config.training;
    events.push(message(`checkpoint: ${path}, step ${snapshot.step}`));
    if (mode === "train" && snapshot.step > steps) {
      events.push(message(`note: training.steps is ${steps}: nothing is trained, and the results are of step ${snapshot.step}`)); // prettier-ignore
    }
    events.push({
      type: "result",
      values: { checkpoint: path, ...(mode === "train" && { resumedFrom: snapshot.step }) },
    });
  }
  requireTrainedWith(workdir, context.before, store.loaded, fieldsWith(context.fields));
  if (data) events.push(...bindData(context, data.train, store.loaded, found?.snapshot.step));
  events.push(message(`model: ${layout.count.toLocaleString("en")} parameters`));
  const state = found ? new TrainState(layout, found.snapshot) : TrainState.initial(layout, config.seed);
  if (mode === "train") {
    state.keepOnlyAverages(config.model.emaRates);
    store.goOn(state.step);
    events.push({ type: "rewind", step: state.step, training: "train" });
  }
  state.evaluate(evaluatedRate(config));
  const { peers, events: exchange } = peersOf(context, { state, store, network, data: data?.train });
  const told = new Subject<RunEvent>();
  const work = (key: EvaluationKey) => ({
    ...{ pipeline, ema: state.averageDigest(), ...computedBy(context) },
    ...evaluationWork(config, key, data?.[config.eval.split]),
  });
  return {
    sde,
    network,
    state,
    store,
    data,
    peers,
    beside: merge(exchange, told),
    events,
    scoreOf: (parameters) => network.scoreFunction(parameters, sde),
    tell: (event) => told.next(event),
    score: {
      sde,
      shape: model.shape,
      score: (x, t) => network.scoreFunction(state.average, sde).score(x, t),
      scoreAndDivergence: (x, t, probe) => network.scoreFunction(state.average, sde).scoreAndDivergence(x, t, probe),
    },
    averageDigest: () => state.averageDigest(),
    progress(key, total, dequantizer) {
      const path = progressPath(workdir, config, key, dequantizer === undefined ? "uniform" : "variational");
      const all = { ...work(key), dequantizer };
      requireSameVersion(path, all, total, countOf);
      return new ProgressFile(path, all);
    },
    found(key, dequantization) {
      const found = readProgress<Evaluated>(progressPath(workdir, config, key, dequantization));
      const { dequantizer, ...theirs } = (found?.work ?? {}) as { dequantizer?: string };
      const wanted = (dequantizer !== undefined) === (dequantization === "variational");
      return found && wanted && isDeepStrictEqual(theirs, JSON.parse(JSON.stringify(work(key)))) ? found.entries : [];
    },
    dispose() {
      state.dispose();
      network.dispose();
    },
  };
}

const PURPOSES = { train: "train", eval: "evaluate", sample: "sample from", train_deq: "train a dequantizer for" };

/** Summarizes the state at the end of training, in order or not. */
const outcome = ({ state, store }: Session): RunEvent => ({
  type: "result",
  values: {
    steps: state.step,
    parameters: state.digest(),
    ...(store.newest && { checkpoint: store.newest }),
    ...(state.goneBack > 0 && { goneBack: state.goneBack }),
  },
});

/**
 * Opens the network with its SDE and its newest checkpoint, and runs the parts of the mode one after another. At the
 * end or on unsubscription, it frees everything. Once the run is told to stop, no further part begins.
 *
 * @example
 * ```ts
 * session(context, { network: mlp({ dims: 8, width: 64, depth: 2 }), sde }, (session) => ({
 *   train: () => trainingLoop(context, session, { data: examples, column: "data", stages: () => identity }),
 * }));
 * ```
 * @returns The events of the parts that the mode selects.
 * @throws UsageError as a notification, when there is nothing to evaluate or sample from, or a checkpoint cannot be
 *   used.
 */
export function session(
  context: RunContext,
  model: SessionModel,
  build: (session: Session) => RunPhases,
): Observable<RunEvent> {
  const { mode, signal } = context;
  return owning(
    () => open(context, model),
    (opened) => {
      const built = build(opened);
      const none = () => EMPTY;
      const { train, evaluate, sample, report = none, trainDequantizer = refuseDequantizer } = built;
      const part = (start: () => Observable<RunEvent>) => defer(() => (signal.aborted ? EMPTY : start()));
      const result = defer(() => of(outcome(opened)));
      const training = concat(
        mergeWhile(opened.beside, part(train)).pipe(
          catchError((error: unknown) =>
            concat(
              result,
              throwError(() => error),
            ),
          ),
        ),
        result,
      );
      const parts = {
        train: () => concat(training, part(evaluate ?? none), part(sample ?? none), part(report)),
        eval: () => concat(result, part(evaluate ?? refuseEvaluation), part(report)),
        train_deq: () => mergeWhile(opened.beside, part(trainDequantizer)),
        sample: () => concat(result, part(sample ?? refuseSampling), part(report)),
      };
      return concat(of(...opened.events, lacking(built)), parts[mode]());
    },
  );
}
