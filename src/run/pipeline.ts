/** The interface of a file in `pipelines/`, and the values that pass between it and the command line. */
import type { Observable } from "rxjs";
import type * as z from "zod";
import { shellWord } from "../base/format.ts";
import type { Engine } from "../engine/load.ts";
import type { ExchangeTargets } from "../grpc/exchange/group.ts";
import type { Mode, Preset, RunEvent } from "../metrics/run-event.ts";
import type { Config, DeepPartial } from "./config.ts";

export { modes, presets, type Mode, type Preset, type RunEvent, type Summary } from "../metrics/run-event.ts";

/** Settings of each preset. */
export type Presets = Readonly<Record<Preset, DeepPartial<Config>>>;

/**
 * A pipeline: its settings and its work, as passed to `definePipeline`. `F` is the type of its own configuration
 * fields.
 */
export interface Pipeline<F = unknown> {
  /** One line for the list of pipelines. */
  readonly summary: string;
  /** Expected results and their cost, for `--help`. */
  readonly reaches: string;
  /** Height and width, for pipelines of images; chMult and attnResolutions are checked against it. */
  readonly imageSize?: number;
  /**
   * The pipeline's own configuration fields, which `context.config` has besides those of every run. A field is a
   * number, boolean, text, enum or list of numbers, with a default or `.optional()`. Fields may form groups. `--help`
   * shows the text of `.describe(...)`, and `--set` changes the value. A workdir is bound to the values, except for
   * fields with `.meta({ free: true })`.
   */
  readonly fields?: z.ZodObject & z.ZodType<F>;
  readonly defaults?: DeepPartial<Config & F>;
  /**
   * Settings by name for `--preset`. The default is the machine's preset, or the first one here if that one is missing.
   */
  readonly presets?: { readonly [P in Preset]?: DeepPartial<Config & F> };
  /** Does the work. Nothing runs before subscription; unsubscribing frees everything. */
  run(context: RunContext<F>): Observable<RunEvent>;
}

/** Names for `--allow`. Each allows a change for which a run is otherwise refused. */
export const allowed = ["data"] as const;
export type Allowed = (typeof allowed)[number];

/** A change of the training data at a step, recorded by digests. */
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
  /** SHA-256 of the training data; absent if the pipeline does not report it. */
  readonly dataDigest?: string | undefined;
  /** Changes that `--allow data` has allowed. */
  readonly dataChanges?: readonly DataChange[] | undefined;
} & Config;

/** A run, prepared by the command line: configuration, folder, engine and the signal to stop. */
export interface RunContext<F = unknown> {
  /** Name of the pipeline. */
  readonly name: string;
  readonly mode: Mode;
  /** Absent where the pipeline has none. */
  readonly preset?: Preset | undefined;
  readonly config: Config & F;
  /** Configuration fields of the pipeline. */
  readonly fields?: z.ZodObject | undefined;
  /** The name or path by which the user calls the pipeline, for commands in messages; default: the name. */
  readonly given?: string | undefined;
  /** The file that contains the pipeline; absent if there is none. */
  readonly file?: string | undefined;
  /** Folder of the run; it exists, is writable, and is locked for this run. */
  readonly workdir: string;
  /** Folder that keeps downloads between runs; it may not exist yet. */
  readonly cacheDir: string;
  readonly engine: Engine;
  /**
   * Aborted by SIGINT or SIGTERM: then finish the current step, save and complete. A signal arrives only while the
   * event loop is free. A pipeline must therefore let it run after each step, by `setImmediate` and not only by
   * `await`.
   */
  readonly signal: AbortSignal;
  /** The workdir's `config.json` before this run. */
  readonly before?: StoredConfig | undefined;
  /** Changes that are allowed by name. */
  readonly allow?: readonly Allowed[];
  /** Addresses of the nodes that train together; absent: a single node. */
  readonly exchange?: ExchangeTargets | undefined;
}

/**
 * Returns the pipeline unchanged; it only checks its types.
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

/** Words that run a pipeline, for a remedy; its options follow. */
export const commandOf = ({ name, given = name }: Pick<RunContext, "name" | "given">): string =>
  `npm run pipeline ${shellWord(given)} --`;
