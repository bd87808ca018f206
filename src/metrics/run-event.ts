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
  /** Training stands still to look at the run, or goes on. */
  | { readonly type: "look"; readonly begins: boolean }
  /** `done` counts from the stage's beginning, or from where a resumed run goes on. */
  | { readonly type: "progress"; readonly done: number; readonly loss?: number; readonly imagesPerSecond?: number }
  /** Training goes on from a step: metrics of later steps, which an interrupted run left, no longer count. */
  | { readonly type: "rewind"; readonly step: number; readonly training: "train" | "train_deq" }
  /** Appended to `metrics.jsonl` of the workdir, unless it is there already. */
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
  /** Keys of the summary; later ones replace earlier ones. */
  | { readonly type: "result"; readonly values: Partial<Summary> };

/** The JSON object of `--json`; keys are present where they apply. */
export interface Summary {
  readonly pipeline: string;
  readonly mode: Mode;
  readonly preset: Preset;
  readonly engine: string;
  readonly device: string;
  /** Name of the data, and what was left out of them. */
  readonly data: string;
  /** SHA-256 of the data of the training, hexadecimal. */
  readonly dataDigest: string;
  /** Optimizer steps behind the parameters. */
  readonly steps: number;
  /** Training loss, averaged over the last logged steps. */
  readonly loss: number;
  /** Negative log-likelihood by the probability-flow ODE, bits/dim. */
  readonly bpd: number;
  /** Standard error over images. Absent for one image, as are the other standard errors. */
  readonly bpdStandardError: number;
  /** Variational bound, bits/dim. */
  readonly bound: number;
  readonly boundStandardError: number;
  /** Training loss over the evaluated images, without dropout, by the averaged parameters. */
  readonly evalLoss: number;
  readonly evalLossStandardError: number;
  /** Images that bpd and bound are means over. */
  readonly evalImages: number;
  /** Images of the evaluation: held out, or of the training. */
  readonly split: "test" | "train";
  /** Noise that makes the pixels of bpd and bound continuous; absent where the data are no pixels. */
  readonly dequantization: "uniform" | "variational" | "truncated";
  /** Value of bpd for a perfect model, where it is known: the mean over the same examples, bits/dim. */
  readonly exactBpd: number;
  readonly fid: number;
  readonly inceptionScore: number;
  readonly kid: number;
  /** Path of the sampled images. */
  readonly samples: string;
  /** Path of the evaluation's page. */
  readonly report: string;
  /** Path of the newest checkpoint. */
  readonly checkpoint: string;
  /** Mean of the steps since this start, without the first, which compiles, and without the time training stood still. */
  readonly secondsPerStep: number;
  /** SHA-256 over the float32 parameters in order, hexadecimal. */
  readonly parameters: string;
  /** Step of the checkpoint this run went on from. */
  readonly resumedFrom: number;
  readonly workdir: string;
  /** Wall time of the run. */
  readonly seconds: number;
  /** Largest resident memory of the process, MiB. */
  readonly peakMemoryMB: number;
  /** Energy of the GPUs since this start, where they tell their power. */
  readonly energyJoules: number;
  /** The signal that stopped the run. */
  readonly stoppedBy: string;
  /** Why the run failed. */
  readonly error: string;
}
