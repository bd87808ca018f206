/** A node of a run whose gradients go by TensorFlow's collectives: with all the others, or not at all. */
import { setTimeout as delay } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import type { Collectives } from "../../engine/collectives.ts";
import { NonFiniteLossError } from "../../base/errors.ts";
import { Bell } from "../../base/bell.ts";
import { firstNonFinite } from "../../ops/finite.ts";
import type { Group, ShardGradient, Turn } from "../../training/peers.ts";
import { statusError } from "../receive.ts";
import { fetched, toSnapshot, vectorsToFetch } from "./catch-up.ts";
import { collectiveRound, meet, ranks, type CollectiveStep } from "./collective-round.ts";
import type { FetchRequest, GroupView } from "../../exchange/messages.ts";
import { BrokenGroupError } from "./failures.ts";
import { Membership } from "./membership.ts";
import { membershipOf, type NodeOptions, placeIn } from "./node-options.ts";
import { GroupNode } from "./group-node.ts";
import { OwnWork } from "./own-work.ts";
import type { FetchedSum } from "./service.ts";
import { shardsOf } from "./shares-of-view.ts";
import { ENTERING, GATHERING, patience } from "../../exchange/limits.ts";
import { SharedSnapshot } from "./shared-snapshot.ts";
import { Waiting } from "./waiting.ts";

export interface CollectiveNodeOptions extends NodeOptions {
  /** Begins to serve the collectives of a view, as the member with this id. */
  readonly open: (view: GroupView, id: number) => Promise<Collectives>;
}

/** ms for the coordinator to tell why others are gone, and for the others to come to the end. */
const [REASON, END] = [2000, 5000];

interface Opened {
  readonly collectives: Collectives;
  readonly view: GroupView;
  readonly memberOfRank: readonly number[];
}

/** The view is over, or nobody wants more. */
class Over extends Error {}

export class CollectiveNode extends GroupNode implements Group {
  readonly #options: CollectiveNodeOptions;
  readonly #moved = new Bell();
  readonly #membership: Membership;
  readonly #waiting: Waiting;
  readonly #work = new OwnWork();
  /** All nodes leave now, after the same step. */
  #allLeave = false;
  readonly #gone = new AbortController();
  readonly #snapshot: SharedSnapshot;
  /** ms that this node's own shards took. */
  #computing = 0;

  constructor(options: CollectiveNodeOptions) {
    super(options, () => ({ membership: this.#membership, waiting: this.#waiting }));
    this.#options = options;
    const [{ deadline, membership, state, signal }, moved] = [options, this.#moved];
    this.#snapshot = new SharedSnapshot(state);
    const { way, clock } = membership;
    const fixed = (why: string) => new BrokenGroupError(why, state.step);
    const own = { moved, fixed, hash: () => this.#hash(), onEndView: () => {} };
    this.#membership = new Membership({ ...membershipOf(options), ...own });
    this.#waiting = new Waiting({ moved, clock, deadline, signal, membership: this.#membership, way });
  }

  add(gradient: ShardGradient): void {
    this.#work.add(gradient);
    this.#waiting.added();
  }

  async *turns(closed: AbortSignal): AsyncGenerator<Turn, void, void> {
    const { state, to, listen } = this.#options;
    const waiting = this.#waiting;
    if (state.step >= to || waiting.stopped) return;
    const stopClock = waiting.start(closed);
    let close: Awaited<ReturnType<typeof listen>> = async () => {};
    let opened: Opened | undefined;
    try {
      close = await listen();
      this.#membership.tell({ type: "start" });
      opened = await this.#enter();
      for (let entering = true; state.step < to; entering = false) {
        const start = performance.now();
        yield* this.#ownTurns(opened.view);
        if (waiting.closed) return;
        this.#computing = performance.now() - start;
        const limit = patience(this.#membership.deadline, this.#computing, entering);
        const { sum, stopping } = await this.#exchange(opened, limit);
        this.#commit(opened.view, sum);
        if (stopping.length > 0) return this.#stop(opened.view, stopping);
      }
      this.#allLeave = true;
    } catch (error) {
      if (!(error instanceof Over)) throw error;
    } finally {
      await this.#leave(opened?.collectives, close);
      stopClock();
      this.#work.clear();
    }
  }

  /** Takes no parcels. @throws ServiceError */
  async take(): Promise<never> {
    throw statusError(status.FAILED_PRECONDITION, "this run exchanges gradients by TensorFlow's collectives");
  }

  /** @throws ServiceError */
  fetched(request: FetchRequest): FetchedSum {
    return fetched(request, this.#membership, this.#options.state, this.#snapshot, undefined);
  }

  /** Hash of the state; "" once this node is closed. */
  #hash(): string {
    return this.#waiting.closed ? "" : this.#snapshot.hash();
  }

  async *#ownTurns(view: GroupView): AsyncGenerator<Turn, void, void> {
    const { state, run } = this.#options;
    const { first, end } = shardsOf(view, this.#membership.id, run);
    for (let shard = first; shard < end && !this.#waiting.closed; shard++) {
      yield* this.#waiting.ownTurn({ step: state.step, shard });
    }
  }

  /** Waits for what is done with the others. @throws Over; what ends the run. */
  async #together<T>(view: GroupView, limit: number, work: Promise<T>): Promise<T> {
    const { state } = this.#options;
    let done = false;
    const told = work.finally(() => {
      done = true;
      this.#moved.ring();
    });
    // The error is of no interest once the work is given up.
    told.catch(() => {});
    const waited = await this.#waiting.until(() => done, view, limit);
    if (waited === "over") throw new Over();
    if (waited === "late") {
      throw new BrokenGroupError(
        `the others did not come within ${limit / 1000} s (exchange.deadlineSeconds)`,
        state.step,
      );
    }
    try {
      return await told;
    } catch (error) {
      // The coordinator knows better who is gone.
      await Promise.race([this.#waiting.until(() => false, view), delay(REASON, undefined, { ref: false })]);
      if (this.#waiting.stopped || this.#waiting.closed) throw new Over();
      throw new BrokenGroupError(`an exchange failed: ${(error as Error).message.split("\n")[0]}`, state.step);
    }
  }

  /** Waits for all, and opens what they share. */
  async #enter(): Promise<Opened> {
    const { open, wire, run, state, membership } = this.#options;
    const waiting = this.#waiting;
    // The others wait for as long as the first node does.
    const gathering = membership.way.kind === "coordinate" ? GATHERING * this.#membership.deadline : Infinity;
    const isDecided = () => this.#membership.view !== undefined || waiting.stopped;
    if ((await waiting.until(isDecided, undefined, gathering)) === "late") {
      throw new BrokenGroupError(`not all came within ${gathering / 1000} s (exchange.deadlineSeconds)`, state.step);
    }
    const { view, id, runId } = this.#membership;
    if (!view) throw new Over();
    const limit = ENTERING * this.#membership.deadline;
    // First: others may wait for it.
    const collectives = await open(view, id);
    try {
      if (view.need !== "NOTHING") {
        const source = view.members.find((member) => member.id === view.source)!;
        const request = { runId, what: "STATE" as const, step: view.step };
        const fetching = wire.fetch(source, request, vectorsToFetch("STATE", run), this.#gone.signal, () => waiting.hear()); // prettier-ignore
        state.restore(toSnapshot(view.step, run, await this.#together(view, limit, fetching)));
        this.#snapshot.forget();
        this.#membership.tell({ type: "fetched", view: view.view, hash: this.#snapshot.hash() });
        membership.tell(`the state after ${view.step} steps was taken over from node ${source.rank}`);
      }
      const index = view.members.findIndex((member) => member.id === id);
      const memberOfRank = await this.#together(view, limit, ranks(collectives, index));
      return { collectives, view, memberOfRank };
    } catch (error) {
      collectives.close();
      throw error;
    }
  }

  async #exchange({ collectives, view, memberOfRank }: Opened, limit: number): Promise<CollectiveStep> {
    const { run, state, onExchange } = this.#options;
    const { step } = state;
    const start = performance.now();
    const options = { collectives, view, memberOfRank, run };
    const round = collectiveRound(this.#work.tensors(), this.#waiting.stopped, options);
    const result = await this.#together(view, limit, round);
    const { sum, loss } = result.sum;
    const bad = [loss, sum].map((values) => values[firstNonFinite(values)]).find((value) => value !== undefined);
    if (bad !== undefined) {
      this.#allLeave = true;
      throw new NonFiniteLossError(step, bad);
    }
    const seconds = (performance.now() - start) / 1000;
    onExchange?.({ step, seconds, bytes: result.bytes, ...placeIn(view, this.#membership.id) });
    return result;
  }

  /** Applies a sum: the only place where the state goes on. */
  #commit(view: GroupView, sum: CollectiveStep["sum"]): void {
    const { state } = this.#options;
    const { step } = state;
    if (view !== this.#membership.view || this.#waiting.closed) throw this.#membership.failure ?? new Over();
    this.applied++;
    this.#work.clear();
    this.apply?.({ step, ...sum });
    if (state.step !== step + 1 && !this.#waiting.closed) {
      throw new Error(`exchange: the sum of step ${step} was not applied`);
    }
    this.#snapshot.forget();
    this.#membership.applied(state.step, this.#waiting.closed);
  }

  /** All stop after the same step. @throws RunError on nodes that were not told to. */
  #stop(view: GroupView, stopping: readonly number[]): void {
    this.#allLeave = true;
    if (this.#waiting.stopped) return;
    const [ranks, { step }] = [stopping.map((index) => view.members[index]!.rank).join(), this.#options.state];
    throw new BrokenGroupError(`node ${ranks} was told to stop`, step);
  }

  async #leave(collectives: Collectives | undefined, close: (finished: boolean) => Promise<void>): Promise<void> {
    const { state, to, wire } = this.#options;
    this.#gone.abort();
    if (collectives && this.#allLeave && !this.#waiting.closed) {
      // A node that leaves before the others have read the last sum would break it off.
      await Promise.race([meet(collectives), delay(END, undefined, { ref: false })]).catch(() => {});
    }
    collectives?.close();
    await this.#membership.leave();
    await close(state.step >= to);
    wire.close();
  }
}
