/** The report of an evaluation: `report.json` for programs, `report.html` for people. */
import type { Measured } from "../../metrics/statistics.ts";

/** What results are told apart by. */
export interface AnchorSettings {
  /** "DDPM++", or what it has. */
  readonly network?: string;
  /** The name of the SDE. */
  readonly sde?: string;
  /** Of the training loss. */
  readonly weighting?: "original" | "likelihood" | "importance" | "velocity";
  readonly dequantization?: "uniform" | "variational";
}

/** Published numbers to hold one's own against. */
export interface Anchor {
  readonly name: string;
  /** Bits/dim on the test set. */
  readonly bpd?: number;
  /** Variational bound on them. */
  readonly bound?: number;
  readonly fid?: number;
  /** As far as the source says. */
  readonly settings?: AnchorSettings;
  /** Where the numbers are from. */
  readonly source?: string;
  /** Whether all settings are those of the run. */
  readonly same?: boolean;
}

/** Bits/dim by one kind of dequantization. */
export interface Likelihoods {
  /** By the probability flow ODE. */
  readonly bpd?: Measured | undefined;
  readonly bound?: Measured | undefined;
}

/** How good the samples are, as far as it was measured. */
export interface ReportedQuality {
  readonly fid?: number;
  readonly kid?: number;
  readonly inceptionScore?: number;
  /** On what they were measured. */
  readonly note?: string;
}

export interface Report extends Likelihoods {
  /** What was run: pipeline, preset, SHA-256 of the averaged parameters, engine, versions. */
  readonly run: Readonly<Record<string, string | number>>;
  /** The run's own settings, beside those of the anchors. */
  readonly settings?: AnchorSettings | undefined;
  /** Which images were evaluated. */
  readonly split: "test" | "train";
  /** Every kind of dequantization that these parameters were evaluated with; `bpd` and `bound` are the run's own. */
  readonly dequantizations: { readonly uniform?: Likelihoods; readonly variational?: Likelihoods };
  /** The training loss, in its own weighting. */
  readonly loss?: Measured | undefined;
  readonly quality?: ReportedQuality | undefined;
  /** How the samples were drawn, as far as it is known. */
  readonly samples?: string | undefined;
  /** Bits/dim of each image by the ODE, [N], in the order of `evaluationOrder`. */
  readonly perImage: readonly number[];
  readonly anchors: readonly Anchor[];
  readonly config: unknown;
}
