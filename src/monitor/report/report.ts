/** The report of an evaluation: `report.json` for programs, `report.html` for people. */
import type { Measured } from "../../metrics/statistics.ts";

/** Settings that tell results apart. */
export interface AnchorSettings {
  /** Name of the network, such as "DDPM++", or its parts. */
  readonly network?: string;
  /** The name of the SDE. */
  readonly sde?: string;
  /** Weighting of the training loss. */
  readonly weighting?: "original" | "likelihood" | "importance" | "velocity";
  readonly dequantization?: "uniform" | "variational" | "truncated";
}

/** Published numbers to hold one's own against. */
export interface Anchor {
  readonly name: string;
  /** Bits/dim on the test set by the ODE, with the dequantization of the settings. */
  readonly bpd?: number;
  /** Variational bound on them, dequantized. */
  readonly bound?: number;
  /** Variational bound on discrete data. */
  readonly discreteBound?: number;
  /** Length of a lossless code. */
  readonly code?: number;
  readonly fid?: number;
  /** Settings, as far as the source names them. */
  readonly settings?: AnchorSettings;
  /** Source of the numbers. */
  readonly source?: string;
  /** True when all settings are those of the run. */
  readonly same?: boolean;
}

/** Bits/dim by one kind of dequantization. */
export interface Likelihoods {
  /** Likelihood by the probability flow ODE. */
  readonly bpd?: Measured | undefined;
  readonly bound?: Measured | undefined;
}

/** Quality of the samples, as far as it was measured. */
export interface ReportedQuality {
  readonly fid?: number;
  readonly kid?: number;
  readonly inceptionScore?: number;
  /** Remark on the measurement. */
  readonly note?: string;
}

export interface Report extends Likelihoods {
  /** Facts about the run: pipeline, preset, SHA-256 of the averaged parameters, engine, versions. */
  readonly run: Readonly<Record<string, string | number>>;
  /** The run's own settings, beside those of the anchors. */
  readonly settings?: AnchorSettings | undefined;
  /** Images of the evaluation. */
  readonly split: "test" | "train";
  /** Every kind of dequantization that these parameters were evaluated with; `bpd` and `bound` are the run's own. */
  readonly dequantizations: {
    readonly uniform?: Likelihoods;
    readonly variational?: Likelihoods;
    /** Its bound is one on discrete data. */
    readonly truncated?: Likelihoods;
  };
  /** Kind of likelihood that `bpd` and `bound` are; numbers of different kinds cannot be compared. */
  readonly kinds?: { readonly bpd: string; readonly bound: string };
  /** The training loss, in its own weighting. */
  readonly loss?: Measured | undefined;
  readonly quality?: ReportedQuality | undefined;
  /** Description of the sampler, as far as it is known. */
  readonly samples?: string | undefined;
  /** Bits/dim of each image by the ODE, [N], in the order of `evaluationOrder`. */
  readonly perImage: readonly number[];
  readonly anchors: readonly Anchor[];
  readonly config: unknown;
}
