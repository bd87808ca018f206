/** The events that a run emits. */
import type { HistogramReading } from "./meter.ts";
import type { RunPhase } from "./run-state.ts";

/** Values of `--mode`. */
export const modes = ["train", "eval", "train_deq", "sample"] as const;
/** The mode of a run: "train" ends with a short evaluation and samples, "train_deq" trains the dequantizer. */
export type Mode = (typeof modes)[number];

/** Values of `--preset`. */
export const presets = ["quick", "paper", "paper_deep", "modern", "released"] as const;
/** One of {@link presets}. */
export type Preset = (typeof presets)[number];

/** A run reports progress, metrics, results and messages by these events. */
export type RunEvent =
  /** A stage begins and gets a progress bar: "training", "likelihood (ODE)", "bound", "samples". */
  | {
      readonly type: "stage";
      readonly name: string;
      readonly total?: number;
      readonly unit?: string;
      /** The run's phase from here on; default "working". */
      readonly phase?: RunPhase;
    }
  /** The units that the run will have of some phases; 0: it will not have the phase. */
  | { readonly type: "plan"; readonly totals: Readonly<Partial<Record<RunPhase, number>>> }
  /** Training pauses for a look at the run, or continues. */
  | { readonly type: "look"; readonly begins: boolean }
  /** `done` counts from the beginning of the stage, or from the step at which a resumed run continues. */
  | { readonly type: "progress"; readonly done: number; readonly loss?: number; readonly imagesPerSecond?: number }
  /** Training resumes at a step. Metrics of later steps, left by an interrupted run, no longer count. */
  | { readonly type: "rewind"; readonly step: number; readonly training: "train" | "train_deq" }
  /** A metric, appended to `metrics.jsonl` of the workdir unless it is already there. */
  | {
      readonly type: "metric";
      readonly name: string;
      readonly step: number;
      readonly value: number;
      readonly unit: string;
    }
  /** Shown by TensorBoard. */
  | ({ readonly type: "histogram" } & HistogramReading)
  | { readonly type: "message"; readonly text: string }
  /** Keys of the summary; later values replace earlier ones. */
  | { readonly type: "result"; readonly values: Partial<Summary> };

/** The JSON object of `--json`; keys are present only if they apply. */
export interface Summary {
  readonly pipeline: string;
  readonly mode: Mode;
  readonly preset: Preset;
  readonly engine: string;
  readonly device: string;
  /** Name of the data, and which parts of them were left out. */
  readonly data: string;
  /** SHA-256 of the training data, hexadecimal. */
  readonly dataDigest: string;
  /** Optimizer steps that produced the parameters. */
  readonly steps: number;
  /** Training loss, averaged over the last logged steps. */
  readonly loss: number;
  /** Negative log-likelihood by the probability-flow ODE, bits/dim. */
  readonly bpd: number;
  /** Standard error over images; like the other standard errors, absent for a single image. */
  readonly bpdStandardError: number;
  /** Variational bound, bits/dim. */
  readonly bound: number;
  readonly boundStandardError: number;
  /** Training loss over the evaluated images, with the averaged parameters and without dropout. */
  readonly evalLoss: number;
  readonly evalLossStandardError: number;
  /** Number of images over which bpd and bound are averaged. */
  readonly evalImages: number;
  /** Images of the evaluation: held-out ("test") or training images. */
  readonly split: "test" | "train";
  /** Noise that makes the pixels continuous for bpd and bound; absent if the data are not pixels. */
  readonly dequantization: "uniform" | "variational" | "truncated";
  /** Noise draws over which the probabilities of bpd are averaged; absent for one. */
  readonly importanceSamples: number;
  /** Decay of the evaluated average; absent for the main one. */
  readonly emaRate: number;
  /** Value of bpd for a perfect model, if it is known: the mean over the same examples, bits/dim. */
  readonly exactBpd: number;
  readonly fid: number;
  readonly inceptionScore: number;
  readonly kid: number;
  /** Path of the sampled images. */
  readonly samples: string;
  /** Path of the evaluation's report page. */
  readonly report: string;
  /** Path of the newest checkpoint. */
  readonly checkpoint: string;
  /**
   * Mean over the steps since this start, without the first step, which compiles, and without pauses of the training.
   */
  readonly secondsPerStep: number;
  /** SHA-256 over the float32 parameters in order, hexadecimal. */
  readonly parameters: string;
  /** Step of the checkpoint from which this run resumed. */
  readonly resumedFrom: number;
  readonly workdir: string;
  /** Wall time of the run. */
  readonly seconds: number;
  /** Largest resident memory of the process, MiB. */
  readonly peakMemoryMB: number;
  /** Energy used by the GPUs since this start, if they report their power. */
  readonly energyJoules: number;
  /** The signal that stopped the run. */
  readonly stoppedBy: string;
  /** Reason for the failure of the run. */
  readonly error: string;
}
