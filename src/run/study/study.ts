/** The interface of a study: a grid of trainings, like a table in a paper, and the claims that it tests. */
import { throwError } from "rxjs";
import { UsageError } from "../../base/errors.ts";
import type { ImageDataset, OnProgress } from "../../data/dataset.ts";
import type { Anchor, AnchorSettings } from "../../monitor/report/report.ts";
import type { Config } from "../config.ts";
import { presets, type Mode, type Pipeline, type Preset } from "../pipeline.ts";

/** Values of `--preset` for a study. */
export const studyPresets = ["tiny", ...presets] as const;
/** One of {@link studyPresets}. */
export type StudyPresetName = (typeof studyPresets)[number];

/** Configuration fields by their dotted names. */
export type StudySettings = Readonly<Record<string, string | number | boolean>>;

/** A value of an axis. */
export interface StudyValue {
  /** Name in tables. */
  readonly label: string;
  /** Fields of the training; default: none. */
  readonly settings?: StudySettings;
  /** Settings by which published rows name this value. */
  readonly published?: AnchorSettings;
}

/** A way to evaluate a trained model, by runs after its training, in the same workdir. */
export interface StudyEvaluation extends Pick<StudyValue, "label" | "published"> {
  /** Runs in order; empty: the training's own evaluation. The last run gives the results. */
  readonly runs: readonly { readonly mode: Mode; readonly settings?: StudySettings }[];
}

/** Values of a preset's axes, by name; `seed` and the evaluations are axes too. */
export type StudyGrid = Readonly<Record<string, readonly string[]>>;

/** A size of a study. */
export interface StudyPreset {
  /** Duration of the study, for `--help`. */
  readonly reaches: string;
  /** Preset of the pipeline to start from. */
  readonly preset: Preset;
  readonly grid: StudyGrid;
  /** Fields of every run. */
  readonly settings: StudySettings;
  /** Further fields for runs with a certain value on an axis, such as `network=deep`. */
  readonly valueSettings?: Readonly<Record<string, StudySettings>>;
  /** Number of evaluations during the training, the last one at its end. All but the last use `lookSettings`. */
  readonly looks: number;
  readonly lookSettings?: StudySettings;
  /** Number of losses drawn to estimate a model's variance, for each density of times. */
  readonly lossDraws: number;
}

/** Claims that one value of an axis is better than another, with everything else equal. */
export interface BitsClaim {
  readonly says: string;
  readonly axis: string;
  readonly better: string;
  readonly worse: string;
}

/** Claims that drawing times in proportion to g^2 / sigma^2 lowers the variance of the loss of a given model. */
export interface VarianceClaim {
  readonly says: string;
  readonly lossVariance: true;
}

export type StudyClaim = BitsClaim | VarianceClaim;

/** A grid of trainings of one pipeline, with the claims about it. */
export interface Study {
  /** Heading of its page. */
  readonly title: string;
  /** Source of the claims. */
  readonly source: string;
  /** Name of the pipeline. */
  readonly pipeline: string;
  /** Axes of the training. */
  readonly axes: Readonly<Record<string, Readonly<Record<string, StudyValue>>>>;
  /** The axis along which one trained model is evaluated. */
  readonly evaluated: { readonly axis: string; readonly values: Readonly<Record<string, StudyEvaluation>> };
  readonly claims: readonly StudyClaim[];
  /** Published rows for comparison. */
  readonly published: readonly Anchor[];
  readonly presets: { readonly [P in StudyPresetName]?: StudyPreset };
  /** Returns the held-out images whose losses are drawn. */
  readonly images: (config: Config, cacheDir: string, onProgress: OnProgress) => Promise<ImageDataset>;
}

/** A study that a file of `pipelines` exports. */
export interface StudyPipeline extends Pipeline {
  readonly study: Study;
}

/** Whether a pipeline is a study. */
export const isStudy = (pipeline: Pipeline): pipeline is StudyPipeline => "study" in pipeline;

/**
 * Checks the types of a study, and turns it into a pipeline that the command line lists.
 *
 * ```ts
 * export default defineStudy({ summary: "...", reaches: "...", study: { pipeline: "cifar10", axes, claims, ... } });
 * ```
 */
export const defineStudy = (study: Pick<StudyPipeline, "summary" | "reaches" | "study">): StudyPipeline => ({
  ...study,
  run: () => throwError(() => new UsageError("a study is no run", "npm run pipeline runs it")),
});
