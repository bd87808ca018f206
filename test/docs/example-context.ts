/** What the examples of the documentation take for granted; `test/docs/type-check.ts` imports it into them. */
import type { Observable } from "rxjs";
import type { NcsnppConfig } from "scorestream";
import type { Examples, Batch, CheckpointStore, Credit, DequantizerSession, EvaluationKey, Gradient, ImageDataset, Look } from "scorestream"; // prettier-ignore
import type {
  Meter,
  Peers,
  RunContext,
  RunEvent,
  ScoreNetwork,
  SDE,
  Session,
  Stage,
  StepRecord,
  TrainState,
} from "scorestream";
import type { Averaged, Captured, dequantizationLoss, inceptionFeatures, LoadedImages, sampleQuality, saveImages } from "scorestream"; // prettier-ignore
import type { session as openSession, TrainBatchesOptions } from "scorestream";

export declare const context: RunContext;
/** The session of a run, which has the name of the function that opens it; and what it holds. */
export declare const session: Session & typeof openSession;
export declare const sde: SDE;
export declare const network: ScoreNetwork;
export declare const state: TrainState;
export declare const score: Session["score"];
export declare const store: CheckpointStore;
export declare const peers: Peers;

export declare const meter: Meter;
export declare const credit: Credit;
export declare const look: Look;
export declare const stage: Stage;
export declare const key: EvaluationKey;
export declare const layout: ScoreNetwork["layout"];
export declare const networkConfig: NcsnppConfig;
export declare const dequantizer: DequantizerSession;

/** Data sets: images on the disk or in memory, and vectors. */
export declare const dataset: ImageDataset;
export declare const loaded: LoadedImages;
export declare const examples: Examples;

/** Streams between the stages, named after what passes. */
export declare const imageBatches: Observable<Batch<"image">>;
export declare const dataBatches: Observable<Batch<"data">>;
export declare const timedBatches: Observable<Batch<"data" | "t">>;
export declare const perturbedBatches: Observable<Batch<"data" | "t" | "noise" | "perturbed">>;
export declare const latentBatches: Observable<Batch<"latent">>;
export declare const densities: Observable<Batch<"data" | "logp">>;
export declare const dequantizedDensities: Observable<Batch<"data" | "logp" | "logQ">>;
export declare const bitsPerDimBatches: Observable<Batch<"bpd">>;
export declare const featureBatches: Observable<Batch<"pool3" | "logits">>;
export declare const evaluationEvents: Observable<RunEvent>;
export declare const shardGradients: Observable<Gradient<"shard">>;
export declare const gradients: Observable<Gradient>;
export declare const stepGradients: Observable<Gradient<"step">>;
export declare const stepRecords: Observable<StepRecord>;
export declare const averagedSteps: Observable<Averaged<StepRecord>>;
export declare const capturedSteps: Observable<Captured<Averaged<StepRecord>>>;

/** What only some stages take. */
export declare const batches: TrainBatchesOptions;
export declare const dequantizerLoss: Parameters<typeof dequantizationLoss>[0];
export declare const scoreParameters: Parameters<typeof dequantizationLoss>[3]["score"];
export declare const inception: Parameters<typeof inceptionFeatures>[0];
export declare const statistics: Parameters<typeof sampleQuality>[0]["data"];
export declare const spool: Parameters<typeof saveImages>[1]["spool"];
