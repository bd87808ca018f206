/** A node of a run: what it computes when, and how it goes on when others come and go. */
import { Bell } from "../../base/bell.ts";
import { firstNonFinite } from "../../ops/finite.ts";
import type { Group, ShardGradient, StepSum, Turn } from "../../training/peers.ts";
import { fetched, toSnapshot, toSum, vectorsToFetch } from "./catch-up.ts";
import type { ParcelMessage } from "./messages.ts";
import type { Phase } from "./messages.ts";
import type { FetchRequest } from "./messages.ts";
import type { GroupView } from "./messages.ts";
import type { Member } from "./messages.ts";
import { Inbox } from "./inbox.ts";
import { Deliveries } from "./deliveries.ts";
import { Membership } from "./membership.ts";
import type { NodeOptions } from "./node-options.ts";
import { OwnWork } from "./own-work.ts";
import type { Vector } from "./parcel.ts";
import { exchange, type Exchanged } from "./round.ts";
import type { FetchedSum } from "./service.ts";
import { shardsOf, turnAfter } from "./shares-of-view.ts";
import { Spare } from "./buffer-pool.ts";
import { patience, TICKS, Waiting } from "./waiting.ts";

export class ExchangeNode implements Group {
  readonly alone = false;
  applied = 0;
  readonly #options: NodeOptions;
  readonly #moved = new Bell();
  readonly #membership: Membership;
  readonly #waiting: Waiting;
  readonly #inbox: Inbox;
  readonly #work = new OwnWork();
  readonly #deliveries: Deliveries;
  #apply: ((sum: StepSum) => void) | undefined;
  /** The last that was applied, for who missed it. */
  #last: Exchanged | undefined;
  readonly #spare = new Spare();
  /** The view whose step the state has. */
  #settled: GroupView | undefined;
  /** ms that the node's own shards of the step took. */
  #computing = 0;

  constructor(options: NodeOptions) {
    this.#options = options;
    const [{ deadline, membership, state, stop }, moved] = [options, this.#moved];
    const own = { step: () => state.step, onPrepare: () => this.#endView(), moved, deadline };
    this.#membership = new Membership({ ...membership, ...own });
    this.#deliveries = new Deliveries({
      wire: options.wire,
      onFailure: ({ id }, reason) => this.#membership.suspect(id, reason),
      onEnd: () => moved.ring(),
    });
    this.#waiting = new Waiting({ moved, deadline, stop, membership: this.#membership, way: membership.way });
    this.#inbox = new Inbox({
      own: this.#membership,
      place: () => {
        const { view, viewNumber } = this.#membership;
        return { view, viewNumber, step: state.step, settled: view !== undefined && view === this.#settled };
      },
      moved,
      ...{ run: options.run, spare: this.#spare },
      onNews: () => this.#waiting.hear(),
      // Both phases of a step from everybody, and as much from a view that is over.
      waiting: 4 * options.run.shards,
    });
  }

  get shards(): number {
    return this.#options.run.shards;
  }

  after(turn: Turn): Turn | undefined {
    const [{ view, id }, { run, to }] = [this.#membership, this.#options];
    return view && turnAfter(view, id, turn, run, to);
  }

  onSum(apply: (sum: StepSum) => void): () => void {
    this.#apply = apply;
    return () => (this.#apply = undefined);
  }

  add(gradient: ShardGradient): void {
    const bad = gradient.loss[firstNonFinite(gradient.loss)];
    if (bad !== undefined) this.#membership.diverged(gradient.step, bad);
    this.#work.add(gradient);
    this.#waiting.added();
  }

  async *turns(closed: AbortSignal): AsyncGenerator<Turn, void, void> {
    const { state, to, listen, run } = this.#options;
    if (state.step >= to || this.#waiting.stopped) return;
    const stopClock = this.#waiting.start(closed);
    let close: Awaited<ReturnType<typeof listen>> = async () => {};
    try {
      close = await listen();
      await this.#membership.join();
      while (state.step < to) {
        const view = await this.#settle();
        if (!view) return;
        const [shard] = this.#work.missing(shardsOf(view, this.#membership.id, run));
        if (shard === undefined) {
          const sum = await this.#exchange(view);
          // Nothing may be applied under a view that is over: looked at in the turn in which it is applied.
          if (sum && view === this.#membership.view && !this.#membership.failure) this.#commit(sum);
          continue;
        }
        if (this.#waiting.stopped) return;
        const start = performance.now();
        yield* this.#waiting.ownTurn({ step: state.step, shard });
        this.#computing += performance.now() - start;
      }
    } finally {
      await this.#leave(close);
      stopClock();
      this.#forget();
    }
  }

  /** Takes a parcel from another node, if there is one. @throws ServiceError */
  take(messages: AsyncIterator<ParcelMessage>, given: AbortSignal): Promise<boolean> {
    return this.#inbox.take(messages, given);
  }

  /** @throws ServiceError */
  fetched(request: FetchRequest): FetchedSum {
    return fetched(request, this.#membership, this.#options.state, this.#last?.sum);
  }

  #endView(): void {
    this.#deliveries.cancel();
    this.#settled = undefined;
    // Vectors of another view have other lengths.
    this.#spare.clear();
    this.#inbox.clear();
  }

  #forget(): void {
    this.#work.clear();
    this.#computing = 0;
  }

  /** Waits for a view and catches up with it. @returns undefined when the node is to leave. */
  async #settle(): Promise<GroupView | undefined> {
    const { wire, state } = this.#options;
    const waiting = this.#waiting;
    for (;;) {
      const { view, failure } = this.#membership;
      if (waiting.closed) return undefined;
      if (!view || failure) {
        if ((await waiting.until(() => waiting.stopped, view)) === "ready" || waiting.stopped) return undefined;
        continue;
      }
      if (view === this.#settled) return view;
      wire.keep(view.members);
      this.#inbox.keep(view.members);
      if (view.need !== "NOTHING") await this.#catchUp(view);
      if (view !== this.#membership.view || waiting.closed) continue;
      if (state.step !== view.step) throw new Error(`exchange: at step ${state.step} of a view of ${view.step}`);
      this.#settled = view;
      this.#moved.ring();
      return view;
    }
  }

  /** Applies the sum it lacks, or takes the whole state over. */
  async #catchUp(view: GroupView): Promise<void> {
    const { wire, run, state, membership } = this.#options;
    const source = view.members.find(({ id }) => id === view.source)!;
    const step = view.need === "SUM" ? view.step - 1 : view.step;
    const request = { runId: this.#membership.runId, what: view.need, step };
    const { signal } = this.#deliveries;
    let vectors: readonly Float32Array[];
    try {
      const onMessage = () => this.#waiting.hear();
      vectors = await wire.fetch(source, request, vectorsToFetch(view.need, run), signal, onMessage);
    } catch (error) {
      if (signal.aborted) return;
      this.#membership.suspect(source.id, `did not give its ${view.need.toLowerCase()}: ${(error as Error).message}`);
      return void (await this.#waiting.until(() => false, view));
    }
    if (signal.aborted || this.#waiting.closed) return;
    if (view.need === "SUM") return this.#commit({ sum: toSum(step, vectors), sent: Promise.resolve() });
    this.#forget();
    state.restore(toSnapshot(step, vectors));
    membership.tell(`the state after ${step} steps was taken over from node ${source.rank}`);
  }

  /** Applies a sum: the only place where the state goes on. */
  #commit(exchanged: Exchanged): void {
    const [{ state }, { sum }, before] = [this.#options, exchanged, this.#last];
    if (sum.step !== state.step) throw new Error(`exchange: the sum of step ${sum.step} at step ${state.step}`);
    this.#last = exchanged;
    void before?.sent.then(() => this.#spare.give([before.sum.sum]));
    this.applied++;
    this.#forget();
    this.#inbox.clear();
    this.#apply?.(sum);
    if (state.step !== sum.step + 1 && !this.#waiting.closed) {
      throw new Error(`exchange: the sum of step ${sum.step} was not applied`);
    }
  }

  async #exchange(view: GroupView): Promise<Exchanged | undefined> {
    const { run, state, onExchange } = this.#options;
    const [{ id }, { step }] = [this.#membership, state];
    const start = performance.now();
    const exchanged = await exchange(this.#work.lend(), {
      ...{ view, id, step, run, inbox: this.#inbox, spare: this.#spare },
      send: (to, phase, vectors) => this.#send(view, to, phase, vectors),
      receive: (from, phase, look) => this.#receive(view, from, phase, look),
      diverged: (value) => this.#membership.diverged(step, value),
    });
    if (!exchanged) return void (await this.#waiting.until(() => false, view));
    onExchange?.({ step, seconds: (performance.now() - start) / 1000, bytes: this.#deliveries.takeBytes() });
    return exchanged;
  }

  #send(view: GroupView, to: Member, phase: Phase, vectors: readonly Vector[]): Promise<void> {
    const [{ runId, id }, { step }] = [this.#membership, this.#options.state];
    return this.#deliveries.send(to, { runId, view: view.view, step, from: id, phase }, vectors);
  }

  async #receive(view: GroupView, from: readonly Member[], phase: Phase, look: () => void): Promise<boolean> {
    const missing = () => from.filter(({ id }) => !this.#inbox.get(id, phase)?.complete);
    const entering = view.entering && view.step === this.#options.state.step;
    // For the sums of others longer: they may wait themselves, and tell for whom.
    const ticks = (phase === "REDUCE" ? 1 : 2) * patience(this.#computing / this.#options.deadline, entering);
    const waited = await this.#waiting.until(() => (look(), missing().length === 0), view, ticks);
    // The view may have ended between the two turns.
    if (waited === "ready" && missing().length === 0) return true;
    if (waited === "late") {
      for (const { id } of missing()) this.#membership.suspect(id, "was silent beyond exchange.deadlineSeconds");
    }
    return false;
  }

  async #leave(close: (finished: boolean) => Promise<void>): Promise<void> {
    const membership = this.#membership;
    // Others may still need the last sum.
    const taken = () => this.#waiting.until(() => this.#deliveries.open === 0, membership.view, TICKS);
    if (!membership.failure && !this.#waiting.closed) await taken().catch(() => {});
    const { state, to, wire } = this.#options;
    // First: the others' servers wait for calls to end.
    this.#deliveries.cancel();
    await membership.leave();
    await close(state.step >= to);
    this.#inbox.close();
    wire.close();
  }
}
