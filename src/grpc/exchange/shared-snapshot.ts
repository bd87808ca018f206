/** The state in host memory, read from the device once a step for all who ask for it. */
import { createHash } from "node:crypto";
import type { Snapshot, TrainState } from "../../training/train-state.ts";

export class SharedSnapshot {
  readonly #state: Pick<TrainState, "step" | "snapshot">;
  #snapshot: Snapshot | undefined;
  #hash: string | undefined;

  constructor(state: Pick<TrainState, "step" | "snapshot">) {
    this.#state = state;
  }

  /** The state as it is; not to be written to. */
  get(): Snapshot {
    if (this.#snapshot?.step !== this.#state.step) this.forget();
    return (this.#snapshot ??= this.#state.snapshot());
  }

  /** SHA-256 over step, parameters, moments, averages and outer momentum, hex. */
  hash(): string {
    const { step, parameters, m, v, ema, outer, averages } = this.get();
    this.#hash ??= [parameters, m, v, ema, ...(outer ? [outer] : []), ...(averages?.values() ?? [])]
      .reduce((hash, values) => hash.update(values), createHash("sha256").update(`${step}\n`))
      .digest("hex");
    return this.#hash;
  }

  /** The state has changed. */
  forget(): void {
    this.#snapshot = undefined;
    this.#hash = undefined;
  }
}
