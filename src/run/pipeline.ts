/** The interface of a file in `pipelines/`, and the values that pass between it and the command line. */
import type { Observable } from "rxjs";
import type * as z from "zod";
import type { Engine } from "../engine/load.ts";
import type { ExchangeTargets } from "../grpc/exchange/group.ts";
import type { Mode, Preset, RunEvent } from "../metrics/run-event.ts";
import type { Config, DeepPartial } from "./config.ts";

export { modes, presets, type Mode, type Preset, type RunEvent, type Summary } from "../metrics/run-event.ts";

/** Settings of each preset. */
export type Presets = Readonly<Record<Preset, DeepPartial<Config>>>;

/** A pipeline: its settings and its work, as `definePipeline` takes them; `F` are the values of fields of its own. */
export interface Pipeline<F = unknown> {
  /** One line for the list of pipelines. */
  readonly summary: string;
  /** Expected results and their cost, for `--help`. */
  readonly reaches: string;
  /** Height and width of the images, if they are images: chMult and attnResolutions are checked against it. */
  readonly imageSize?: number;
  /**
   * Configuration fields of its own, in `context.config` beside those of every run: each a number, boolean, text, enum or
   * list of numbers with a default or `.optional()`, alone or in groups. `.describe(...)` is what `--help` says; `--set`
   * changes it. A workdir is bound to its values, unless the field has `.meta({ free: true })`.
   */
  readonly fields?: z.ZodObject & z.ZodType<F>;
  readonly defaults?: DeepPartial<Config & F>;
  /** Settings by name for `--preset`; the first of those it has is the default where it has not the machine's. */
  readonly presets?: { readonly [P in Preset]?: DeepPartial<Config & F> };
  /** The work. Nothing runs until it is subscribed to; unsubscribing frees everything. */
  run(context: RunContext<F>): Observable<RunEvent>;
}

/** Names for `--allow`: each is a change for which a run is refused otherwise. */
export const allowed = ["data"] as const;
export type Allowed = (typeof allowed)[number];

/** A change of the training data at a step, by digest. */
export interface DataChange {
  readonly step: number;
  readonly before: string;
  readonly after: string;
}

/** The content of `config.json`: the configuration, and its pipeline, preset and data. */
export type StoredConfig = {
  readonly pipeline: string;
  /** Absent where the pipeline has none. */
  readonly preset?: Preset | undefined;
  /** SHA-256 of the data of the training; absent where a pipeline does not tell. */
  readonly dataDigest?: string | undefined;
  /** Changes that `--allow data` has allowed. */
  readonly dataChanges?: readonly DataChange[] | undefined;
} & Config;

/** A run as the command line has prepared it: configuration, folder, engine and the signal to stop. */
export interface RunContext<F = unknown> {
  /** Name of the pipeline. */
  readonly name: string;
  readonly mode: Mode;
  /** Absent where the pipeline has none. */
  readonly preset?: Preset | undefined;
  readonly config: Config & F;
  /** The pipeline's. */
  readonly fields?: z.ZodObject | undefined;
  /** The file that the pipeline is in; absent where it is in none. */
  readonly file?: string | undefined;
  /** Exists, can be written, and is locked for this run. */
  readonly workdir: string;
  /** Folder in which downloads are kept between runs; may not exist yet. */
  readonly cacheDir: string;
  readonly engine: Engine;
  /**
   * Aborted by SIGINT or SIGTERM: finish the step in hand, save, complete. A signal arrives only while the event loop
   * is free, so a pipeline lets it turn (`setImmediate`, not only `await`) after each step.
   */
  readonly signal: AbortSignal;
  /** `config.json` of the workdir as it was before this run. */
  readonly before?: StoredConfig | undefined;
  /** Changes that are allowed by name. */
  readonly allow?: readonly Allowed[];
  /** Addresses of the nodes that train together; absent: alone. */
  readonly exchange?: ExchangeTargets | undefined;
}

/**
 * Types a pipeline; it adds nothing.
 *
 * ```ts
 * export default definePipeline({
 *   summary: "...",
 *   reaches: "...",
 *   fields: z.object({ ring: z.object({ radius: z.number().min(0).default(1).describe("radius of the ring") }) }),
 *   run: (context) => session(context, { network: ring(context.config.ring.radius) }, phases),
 * });
 * ```
 */
export function definePipeline<F = unknown>(pipeline: Pipeline<F>): Pipeline {
  return pipeline as Pipeline;
}
