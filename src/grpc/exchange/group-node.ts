/** The part of a node that the stages of a pipeline see, whatever carries its vectors. */
import type { Group, StepSum, Turn } from "../../training/peers.ts";
import type { Membership } from "./membership.ts";
import type { NodeOptions } from "./node-options.ts";
import { shardsOf, turnAfter } from "./shares-of-view.ts";
import type { Waiting } from "./waiting.ts";

type Standing = Pick<Membership, "view" | "works" | "failure" | "id" | "verified">;
type RunOptions = Pick<NodeOptions, "run" | "state" | "to">;

const isSame = (a: Turn | undefined, b: Turn) => a?.step === b.step && a.shard === b.shard;

/** Tells if the result of a turn is still of use, as far as is known. */
function isWanted(turn: Turn, { view, works, failure, id }: Standing, { run, state }: RunOptions): boolean {
  if (failure) return false;
  // Between two views nobody knows yet.
  if (!works) return view === undefined;
  const { first, end } = shardsOf(works, id, run);
  return state.step === turn.step && turn.shard >= first && turn.shard < end;
}

export abstract class GroupNode implements Omit<Group, "add" | "turns"> {
  readonly alone = false;
  applied = 0;
  readonly #options: RunOptions;
  readonly #parts: () => { readonly membership: Standing; readonly waiting: Waiting };
  protected apply: ((sum: StepSum) => void) | undefined;

  /** @param parts Asked for when they are there. */
  constructor(options: RunOptions, parts: () => { readonly membership: Standing; readonly waiting: Waiting }) {
    this.#options = options;
    this.#parts = parts;
  }

  get shards(): number {
    return this.#options.run.shards;
  }

  get rounds(): number | undefined {
    return this.#options.run.local?.every;
  }

  after(turn: Turn): Turn | undefined {
    const [{ view, id }, { run, to }] = [this.#parts().membership, this.#options];
    return view && turnAfter(view, id, turn, run, to);
  }

  verified(step: number): Promise<void> {
    return this.#parts().membership.verified(step);
  }

  owes(turn: Turn): boolean {
    return isSame(this.#parts().waiting.owed, turn);
  }

  reconsider(): void {
    const { membership, waiting } = this.#parts();
    const { owed } = waiting;
    if (!owed) return;
    if (!waiting.stopped && isWanted(owed, membership, this.#options)) waiting.stepped();
    else waiting.added();
  }

  onSum(apply: (sum: StepSum) => void): () => void {
    this.apply = apply;
    return () => (this.apply = undefined);
  }
}
