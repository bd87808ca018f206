/** The checkpoints of a workdir. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { UsageError } from "../../base/errors.ts";
import type { ParameterLayout } from "../../models/parameters.ts";
import { DamagedCheckpointError, readRunCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { bestPath, HELD_OUT, type HeldOut } from "./best-checkpoint.ts";
import { Looks } from "./looks.ts";
import { parseConfig, type Json } from "./stored-config.ts";
import { takeSums, withSums } from "./stored-sums.ts";
import type { Snapshot } from "../train-state.ts";

/** "checkpoints": at regular steps. "checkpoints-meta": where a run was interrupted. */
export type CheckpointKind = "checkpoints" | "checkpoints-meta";

/** A state and the file it was read from. */
export interface LoadedCheckpoint {
  readonly path: string;
  readonly snapshot: Snapshot;
}

/** Options of {@link CheckpointStore}. */
export interface CheckpointStoreOptions {
  readonly workdir: string;
  readonly layout: ParameterLayout;
  /** Configuration to store in each file. */
  readonly config: unknown;
  /** Number of newest checkpoints to keep. */
  readonly keep: number;
  /** Also keep checkpoints at multiples of this step; 0 or absent: none. */
  readonly keepEvery?: number;
  /** Awaited before a file gets its final name, so that the data it belongs to is on the disk. */
  readonly before?: () => Promise<void>;
}

interface Entry {
  readonly path: string;
  readonly step: number;
}

/** Newest first. */
function entriesOf(workdir: string, kind: CheckpointKind): Entry[] {
  const folder = join(workdir, kind);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names
    .flatMap((name) => {
      const match = /^checkpoint_(\d+)\.arrow$/.exec(name);
      return match ? [{ path: join(folder, name), step: Number(match[1]) }] : [];
    })
    .sort((a, b) => b.step - a.step);
}

/** Lists files of both kinds, whole or not, largest step first. */
const allEntries = (workdir: string): Entry[] =>
  [...entriesOf(workdir, "checkpoints"), ...entriesOf(workdir, "checkpoints-meta")].sort((a, b) => b.step - a.step);

/** Lists the checkpoints of a workdir: both kinds, whole or not, largest step first. */
export const checkpointPaths = (workdir: string): string[] => allEntries(workdir).map(({ path }) => path);

/** The largest step that a checkpoint of a workdir names; undefined when there is none. */
export const newestStep = (workdir: string): number | undefined => allEntries(workdir)[0]?.step;

/** Writes, finds and removes `checkpoint_<step>.arrow`. */
export class CheckpointStore {
  /** Least step whose file was set aside, if no file was saved since; otherwise infinite. */
  asideFrom = Infinity;
  readonly #options: CheckpointStoreOptions;
  #newest: string | undefined;
  #loaded: Json = {};
  /** The last write of each file, until it is over. */
  readonly #writing = new Map<string, Promise<string>>();
  #allowed: (step: number) => Promise<void> = async () => {};
  #looks: Looks | undefined;

  constructor(options: CheckpointStoreOptions) {
    this.#options = options;
    this.#looks = new Looks(options.workdir);
  }

  /** Looks to make again if they are cut short; absent in a group of nodes, which continues from the state of others. */
  get looks(): Looks | undefined {
    return this.#looks;
  }

  /** The last file written or loaded; undefined once it was set aside. */
  get newest(): string | undefined {
    return this.#newest;
  }

  /** The configuration stored in the loaded checkpoint; empty if none was loaded. */
  get loaded(): Json {
    return this.#loaded;
  }

  /** Sets a condition for saving: a step is written only once `allowed` has resolved for it, and not if it fails. */
  heed(allowed: (step: number) => Promise<void>): void {
    this.#allowed = allowed;
    this.#looks = undefined;
  }

  /**
   * Saves the state. Of the older files of this kind, it keeps the newest ones and the milestones.
   *
   * During a look at an earlier step, it waits for the end of the look. If the look is cut short, it saves the state of
   * that step instead.
   *
   * @returns The path of the file.
   */
  save(kind: CheckpointKind, snapshot: Snapshot): Promise<string> {
    this.asideFrom = Infinity;
    const look = this.#looks?.before(snapshot.step);
    if (!look) return this.#save(kind, snapshot);
    return look.then((cut) => (cut ? this.#saveCut(cut) : this.#save(kind, snapshot)));
  }

  /** Saves the state of a look that was cut short, unless it was the last one saved. */
  async #saveCut(snapshot: Snapshot): Promise<string> {
    const kinds = ["checkpoints", "checkpoints-meta"] as const;
    const saved = kinds.map((kind) => this.#pathOf(kind, snapshot.step)).find((path) => path === this.#newest);
    return saved ?? this.#save("checkpoints-meta", snapshot);
  }

  #pathOf(kind: CheckpointKind, step: number): string {
    return join(this.#options.workdir, kind, `checkpoint_${step}.arrow`);
  }

  #save(kind: CheckpointKind, snapshot: Snapshot): Promise<string> {
    const path = this.#pathOf(kind, snapshot.step);
    const write = () => this.#write(kind, path, snapshot);
    // Two writes of one file share their temporary file, so the second waits.
    const before = this.#writing.get(path);
    const written = before ? before.then(write, write) : write();
    this.#writing.set(path, written);
    const over = () => void (this.#writing.get(path) === written && this.#writing.delete(path));
    written.then(over, over);
    return written;
  }

  async #write(kind: CheckpointKind, path: string, snapshot: Snapshot): Promise<string> {
    const { workdir, layout, config, before } = this.#options;
    await this.#allowed(snapshot.step);
    await before?.();
    mkdirSync(join(workdir, kind), { recursive: true });
    await writeCheckpoint(path, layout, snapshot, withSums(config, snapshot));
    this.#removeOld(kind, snapshot.step);
    this.#newest = path;
    return path;
  }

  /** Removes the files of up to `step` steps that are neither among the newest nor milestones. */
  #removeOld(kind: CheckpointKind, step: number): void {
    const { workdir, keep, keepEvery = 0 } = this.#options;
    // Files of higher steps are damaged, or of a training that was gone back from: none of them counts.
    const counted = entriesOf(workdir, kind).filter((entry) => entry.step <= step);
    const limit = kind === "checkpoints" ? keep : 1;
    const stays = (entry: Entry) => kind === "checkpoints" && keepEvery > 0 && entry.step % keepEvery === 0;
    for (const old of counted.slice(limit)) if (!stays(old)) rmSync(old.path, { force: true });
  }

  /** Removes what a save would have removed, had its run not been killed in between: the state of `step` goes on. */
  goOn(step: number): void {
    for (const kind of ["checkpoints", "checkpoints-meta"] as const) this.#removeOld(kind, step);
  }

  /** Saves the state as the best one, and replaces the last best one. */
  async saveBest(snapshot: Snapshot, heldOut: HeldOut): Promise<string> {
    const { workdir, layout, config } = this.#options;
    await this.#allowed(snapshot.step);
    const path = bestPath(workdir);
    mkdirSync(dirname(path), { recursive: true });
    await writeCheckpoint(path, layout, snapshot, { ...(config as Json), [HELD_OUT]: heldOut });
    return path;
  }

  /**
   * Moves the best checkpoint and those of `step` or more steps to another folder. The state of that step came from
   * other nodes, so these files belong to a different history. They would otherwise count as the newest.
   *
   * @returns The new folder, if there were any files.
   */
  setAside(step: number): string | undefined {
    const { workdir } = this.#options;
    const old = allEntries(workdir).filter((entry) => entry.step >= step);
    const best = bestPath(workdir);
    const paths = [...old.map(({ path }) => path), ...(existsSync(best) ? [best] : [])];
    if (paths.length === 0) return undefined;
    this.asideFrom = step;
    if (paths.includes(this.#newest ?? "")) this.#newest = undefined;
    const folder = join(workdir, "checkpoints-set-aside");
    for (const path of paths) {
      // One folder a kind: both may have a file of the same step.
      const kept = join(folder, basename(dirname(path)));
      mkdirSync(kept, { recursive: true });
      renameSync(path, join(kept, basename(path)));
    }
    return folder;
  }

  /**
   * Loads the undamaged checkpoint with the most steps.
   *
   * @param onDamaged Called for each damaged file that was skipped.
   * @returns undefined when the workdir has none.
   * @throws UsageError when all existing ones are damaged, or one belongs to another model.
   */
  load(onDamaged: (message: string) => void): LoadedCheckpoint | undefined {
    const { workdir, layout } = this.#options;
    const paths = checkpointPaths(workdir);
    for (const path of paths) {
      try {
        const { snapshot, config } = readRunCheckpoint(path, layout);
        this.#newest = path;
        const { config: loaded, sums } = takeSums(parseConfig(path, config), snapshot.step);
        this.#loaded = loaded;
        return { path, snapshot: { ...snapshot, ...sums } };
      } catch (error) {
        if (!(error instanceof DamagedCheckpointError)) throw error;
        onDamaged(error.message.split("\n")[0]!);
      }
    }
    if (paths.length === 0) return undefined;
    throw new UsageError(
      `every checkpoint in ${workdir} is damaged`,
      `remove ${join(workdir, "checkpoints*")} to start anew, or use another --workdir`,
    );
  }
}
