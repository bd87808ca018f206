/** The resources for training and using the variational dequantizer. */
import { concat, defer, of, type Observable } from "rxjs";
import { join } from "node:path";
import { shellWord } from "../base/format.ts";
import { syncFile } from "../base/sync-file.ts";
import { UsageError } from "../base/errors.ts";
import { flowppDequantizer, type Dequantizer } from "../models/flowpp/dequantizer.ts";
import type { FormName } from "../models/flowpp/form.ts";
import { initializeFromData } from "../models/flowpp/initialize.ts";
import { dequantizationObjective, type DequantizationLoss } from "../models/flowpp/loss.ts";
import { dequantizationSampler, type DequantizationSampler } from "../models/flowpp/sampler.ts";
import type { ParameterLayout } from "../models/parameters.ts";
import { fillNormal, randomKey } from "../base/random.ts";
import { CheckpointStore } from "../training/checkpoints/checkpoint-store.ts";
import { TrainState, type Snapshot } from "../training/train-state.ts";
import type { DequantizationNoise } from "../streams/dequantize.ts";
import { owning } from "../streams/owning.ts";
import { dataDifference, otherData } from "./data-identity.ts";
import { differenceLines, differences, type StoredConfig } from "./config-file.ts";
import { compiles } from "./from-config.ts";
import { metricsPath } from "./workdir.ts";
import { commandOf, type RunContext, type RunEvent } from "./pipeline.ts";
import type { Session } from "./session.ts";

/** A variational dequantizer: its loss, its state, and what it draws. */
export interface DequantizerSession {
  readonly loss: DequantizationLoss;
  readonly state: TrainState;
  readonly store: CheckpointStore;
  /** Draws noise with the averaged parameters at the time of each call. */
  readonly draw: DequantizationNoise;
  /** SHA-256 of the averaged parameters. */
  averageDigest(): string;
}

export interface DequantizerSetup {
  readonly form: FormName;
  readonly shape: readonly [number, number, number];
  /** Draws times in proportion to g^2 / sigma^2. */
  readonly importance: boolean;
  /** Pixels divided by 255, [B, H, W, C] with B >= 2, which initialize the parameters. */
  readonly firstImages: () => Float32Array;
}

/** The state before the first step, from a batch of images. */
function initialSnapshot(
  dequantizer: Dequantizer,
  { length }: ParameterLayout,
  seed: number,
  image: Float32Array,
): Snapshot {
  const noise = new Float32Array(image.length);
  fillNormal(randomKey(seed, "dequantizer init"), noise);
  const parameters = initializeFromData(dequantizer, seed, noise, image);
  const zeros = new Float32Array(length);
  return { step: 0, parameters, m: zeros, v: zeros, ema: parameters };
}

/** The score model and data of its training, as its checkpoints record them. */
interface About {
  readonly dataDigest?: string | undefined;
  /** SHA-256 of the averaged parameters of the score model, and the optimizer steps behind them. */
  readonly scoreModel?: { readonly parameters: string; readonly step: number };
}

interface Opened extends DequantizerSession {
  readonly sampler: DequantizationSampler;
  readonly events: readonly RunEvent[];
  dispose(): void;
}

/** Settings that a training of the dequantizer keeps from its first step on; its network is held against its checkpoint. */
const KEPT = ["batchSize", "lr", "emaRate", "offset"].map((name) => `dequantizer.${name}`);

/** @throws UsageError for a training that would go on, or stand as finished, with settings of another. */
function requireSameTraining({ config, name }: RunContext, store: CheckpointStore, folder: string): void {
  const different = differences(store.loaded as StoredConfig, { pipeline: name, ...config }, KEPT);
  if (different.length === 0) return;
  throw new UsageError(
    `dequantizer ${store.newest} was trained with other settings:\n${differenceLines(different)}`,
    `use the same settings, or remove ${shellWord(folder)}: its training then begins anew`,
  );
}

/**
 * Describes how the score model or the data differ from those that a dequantizer was trained with.
 *
 * @throws UsageError when its training would go on with other data, unless `--allow data` is given.
 */
function changes(context: RunContext, session: Session, store: CheckpointStore): string[] {
  const { mode, allow = [] } = context;
  const { dataDigest: there, scoreModel } = store.loaded as About;
  const here = session.data?.train;
  const said: string[] = [];
  if (mode === "train_deq" && there !== undefined && here !== undefined && there !== here) {
    const difference = dataDifference(context, there, here);
    if (!allow.includes("data")) throw otherData(`dequantizer ${store.newest}`, difference);
    said.push(`note: the dequantizer continues with other data, as --allow data says: ${difference}`);
  }
  if (scoreModel !== undefined && scoreModel.parameters !== session.averageDigest()) {
    const which = `the score model of step ${scoreModel.step}, this one is of step ${session.state.step}`;
    const then = mode === "train_deq" ? "it goes on against this one" : "its bound may be less tight than it could be";
    said.push(`warning: the dequantizer was trained for ${which} and has other parameters: ${then}`);
  }
  return said;
}

function open(context: RunContext, session: Session, setup: DequantizerSetup): Opened {
  const { sde, network } = session;
  const { config, mode, engine, name, preset } = context;
  const { seed, data, training, dequantizer: sizes } = config;
  const compile = compiles({ config, engine });
  const dequantizer = flowppDequantizer(setup.form, setup.shape, sizes);
  const loss = dequantizationObjective(dequantizer, network.model, sde, {
    ...{ eps: training.smallestTime, importance: setup.importance, offset: sizes.offset },
    ...{ centered: data.centered, reference: false, compile },
  });
  const { layout } = loss;
  const workdir = join(context.workdir, "flowpp_dequantizer");
  const scoreModel = { parameters: session.averageDigest(), step: session.state.step };
  const trainedWith: About = { dataDigest: session.data?.train, scoreModel };
  const about = { pipeline: name, preset, ...trainedWith, ...config };
  const store = new CheckpointStore({
    workdir,
    layout,
    config: about,
    keep: training.keepCheckpoints,
    keepEvery: training.keepEvery,
    before: () => syncFile(metricsPath(context.workdir)),
  });
  const events: RunEvent[] = [];
  const say = (text: string) => events.push({ type: "message", text });
  const found = store.load((damage) => say(`warning: ${damage}: using the previous one`));
  if (!found && mode !== "train_deq") {
    throw new UsageError(
      `workdir ${context.workdir} has no trained dequantizer`,
      `train one first: ${commandOf(context)} --mode train_deq --workdir ${shellWord(context.workdir)}`,
    );
  }
  if (found) {
    say(`dequantizer: ${found.path}, step ${found.snapshot.step}`);
    changes(context, session, store).forEach(say);
  }
  say(`dequantizer: ${layout.count.toLocaleString("en")} parameters`);
  const snapshot = found?.snapshot ?? initialSnapshot(dequantizer, layout, seed, setup.firstImages());
  const state = new TrainState(layout, snapshot);
  if (mode === "train_deq") {
    if (found) requireSameTraining(context, store, workdir);
    store.goOn(state.step);
    events.push({ type: "rewind", step: state.step, training: "train_deq" });
  }
  const sampler = dequantizationSampler(dequantizer, { compile });
  return {
    loss,
    state,
    store,
    sampler,
    events,
    draw: (noise, image) => sampler.draw(state.ema, noise, image),
    averageDigest: () => state.averageDigest(),
    dispose() {
      state.dispose();
      loss.dispose();
      sampler.dispose();
    },
  };
}

/**
 * Opens the dequantizer and its newest checkpoint, and frees them after `build` or on unsubscription.
 *
 * @throws UsageError as a notification when there is none to evaluate with.
 */
export function dequantizerSession(
  context: RunContext,
  session: Session,
  setup: DequantizerSetup,
  build: (session: DequantizerSession) => Observable<RunEvent>,
): Observable<RunEvent> {
  return owning(
    () => open(context, session, setup),
    (opened) => concat(of(...opened.events), build(opened)),
  );
}

/** Summarizes a dequantizer at the end of its training. */
export const dequantizerOutcome = ({ state, store }: DequantizerSession): Observable<RunEvent> =>
  defer(() =>
    of<RunEvent>({
      type: "result",
      values: { steps: state.step, parameters: state.digest(), ...(store.newest && { checkpoint: store.newest }) },
    }),
  );
