/** The looks at a run that were made, so that one which was cut short is made when the run continues. */
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { replaceFile } from "../../base/temporary.ts";
import type { Snapshot } from "../train-state.ts";
import { isRecord } from "./stored-config.ts";

/** Ends a look; `cut` when a stop or a failure cut it short. Only the first call counts. */
export type EndLook = (cut: boolean) => void;

/** The look in progress, or the last one. */
interface Current {
  readonly step: number;
  /** Resolves at the end of the look: with its state if it was cut short. */
  readonly over: Promise<Snapshot | undefined>;
}

/** The record of the looks in a workdir, and the look in progress. */
export class Looks {
  readonly #path: string;
  #current: Current | undefined;

  constructor(workdir: string) {
    this.#path = join(workdir, "checkpoints-meta", "looks.json");
  }

  /**
   * Begins or continues a run at a step.
   *
   * @returns Whether the look at this step was not made. A workdir without the record counts as complete, because earlier
   *   versions wrote none. If the record is damaged, the look counts as not made.
   */
  goOn(step: number): boolean {
    // A look that was left is not waited for: otherwise its state would take the place of all later ones.
    this.#current = undefined;
    const made = this.#read();
    if (made !== undefined && made < step) return true;
    // A record of later steps belongs to results that this run takes back.
    if (made !== step) this.made(step);
    return false;
  }

  /** Records that the looks up to this step were made. */
  made(step: number): void {
    try {
      mkdirSync(dirname(this.#path), { recursive: true });
      replaceFile(this.#path, JSON.stringify({ made: step }));
    } catch {
      // Without the record, a look may be made once more, with the same results.
    }
  }

  /** Begins a look. States of later steps are not saved before its end, because a run would continue after it. */
  begin(copy: Snapshot): EndLook {
    let resolve!: (cut: Snapshot | undefined) => void;
    const over = new Promise<Snapshot | undefined>((settle) => (resolve = settle));
    this.#current = { step: copy.step, over };
    // After a cut, all later states give way to this one.
    return (cut) => resolve(cut ? copy : undefined);
  }

  /**
   * Returns what the state of a step has to wait for before it is saved: a look at an earlier step. It resolves with the
   * state to save instead, if that look was cut short.
   */
  before(step: number): Promise<Snapshot | undefined> | undefined {
    return this.#current && step > this.#current.step ? this.#current.over : undefined;
  }

  #read(): number | undefined {
    let text: string;
    try {
      text = readFileSync(this.#path, "utf8");
    } catch {
      return undefined;
    }
    const made = madeIn(text);
    return typeof made === "number" ? made : -1;
  }
}

function madeIn(text: string): unknown {
  try {
    const found: unknown = JSON.parse(text);
    return isRecord(found) ? found["made"] : undefined;
  } catch {
    return undefined;
  }
}
