/** A node of a run: what it computes when, and how it goes on when others come and go. */
import { Bell } from "../../base/bell.ts";
import { firstNonFinite } from "../../ops/finite.ts";
import type { Group, ShardGradient, Turn } from "../../training/peers.ts";
import { fetched, toSnapshot, toSum, vectorsToFetch } from "./catch-up.ts";
import type { FetchRequest, GroupView, Member, ParcelMessage, Phase } from "../../exchange/messages.ts";
import { completeness } from "./completeness.ts";
import { GroupNode } from "./group-node.ts";
import { Inbox } from "./inbox.ts";
import { Deliveries } from "./deliveries.ts";
import { Membership } from "./membership.ts";
import { membershipOf, type NodeOptions, placeIn } from "./node-options.ts";
import { OwnWork } from "./own-work.ts";
import type { Vector } from "./parcel.ts";
import { exchange, type Exchanged } from "./round.ts";
import type { FetchedSum } from "./service.ts";
import { shardsOf, stepsOf } from "./shares-of-view.ts";
import { BufferPool } from "./buffer-pool.ts";
import { SharedSnapshot } from "./shared-snapshot.ts";
import { Waiting } from "./waiting.ts";

export class ExchangeNode extends GroupNode implements Group {
  readonly #options: NodeOptions;
  readonly #moved = new Bell();
  readonly #membership: Membership;
  readonly #waiting: Waiting;
  readonly #inbox: Inbox;
  readonly #work: OwnWork;
  readonly #deliveries: Deliveries;
  /** The last that was applied, for who missed it. */
  #last: Exchanged | undefined;
  /** The view whose members it is connected with. */
  #connected: GroupView | undefined;
  readonly #pool = new BufferPool();
  readonly #snapshot: SharedSnapshot;

  constructor(options: NodeOptions) {
    super(options, () => ({ membership: this.#membership, waiting: this.#waiting }));
    this.#options = options;
    this.#work = new OwnWork(options.run);
    const [{ deadline, membership, state, signal }, moved] = [options, this.#moved];
    this.#snapshot = new SharedSnapshot(state);
    const own = { moved, hash: () => this.#hash(), onEndView: () => this.#endView() };
    this.#membership = new Membership({ ...membershipOf(options), ...own });
    this.#deliveries = new Deliveries({
      wire: options.wire,
      onFailure: ({ id }, why) => this.#membership.tell({ type: "undelivered", to: id, why }),
      onEnd: () => moved.ring(),
    });
    const { way, clock } = membership;
    this.#waiting = new Waiting({ moved, clock, deadline, signal, membership: this.#membership, way });
    this.#inbox = new Inbox({
      own: this.#membership,
      place: () => {
        const { view, viewNumber, works } = this.#membership;
        return { view, viewNumber, step: state.step, settled: works !== undefined };
      },
      moved,
      ...{ run: options.run, pool: this.#pool },
      onNews: () => this.#waiting.hear(),
      // Both phases of a step from everybody, and as much from a view that is over.
      waiting: 4 * options.run.shards,
    });
  }

  add(gradient: ShardGradient): void {
    const bad = gradient.loss[firstNonFinite(gradient.loss)];
    if (bad !== undefined) this.#membership.tell({ type: "diverged", step: gradient.step, value: bad });
    this.#work.add(gradient);
    this.#waiting.added();
  }

  async *turns(closed: AbortSignal): AsyncGenerator<Turn, void, void> {
    const { state, to, listen, run } = this.#options;
    if (this.#waiting.stopped) return;
    const stopClock = this.#waiting.start(closed);
    let close: Awaited<ReturnType<typeof listen>> = async () => {};
    try {
      close = await listen();
      this.#membership.tell({ type: "start" });
      for (;;) {
        const view = await this.#settle();
        if (!view) return;
        // Others may still need the last state.
        if (state.step >= to) await this.#waiting.until(() => this.#done, view);
        if (state.step >= to) continue;
        const [shard] = this.#work.missing(shardsOf(view, this.#membership.id, run));
        if (shard === undefined) {
          const sum = await this.#exchange(view);
          // Checked in the turn in which the sum is applied: nothing may be applied under a view that is over.
          if (sum && view === this.#membership.works && !this.#membership.failure) this.#commit(sum);
          continue;
        }
        if (this.#waiting.stopped) return;
        yield* this.#waiting.ownTurn({ step: state.step, shard });
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
    return fetched(request, this.#membership, this.#options.state, this.#snapshot, this.#last?.sum);
  }

  #endView(): void {
    this.#deliveries.cancel();
    // Vectors of another view have other lengths.
    this.#pool.clear();
    this.#inbox.clear();
  }

  #forget(): void {
    this.#work.clear();
    this.#snapshot.forget();
  }

  /** Hash of the state; "" once this node is closed. */
  readonly #hash = () => (this.#waiting.closed ? "" : this.#snapshot.hash());

  /** True when nothing is left to do here. */
  get #done() { return this.#membership.finished || this.#waiting.stopped; } // prettier-ignore

  /** Keeps what belongs to the members of a view; once a view, as the memory that members read is made anew. */
  #connect(view: GroupView): void {
    if (view === this.#connected) return;
    this.#connected = view;
    this.#options.wire.keep(view.members);
    this.#inbox.keep(view.members);
  }

  /** Waits for a view and catches up with it. @returns undefined when the node is to leave. */
  async #settle(): Promise<GroupView | undefined> {
    const { state } = this.#options;
    const [waiting, membership] = [this.#waiting, this.#membership];
    for (;;) {
      const { view, works, failure } = membership;
      if (waiting.closed || this.#done) return undefined;
      if (!view || failure) await waiting.until(() => this.#done, view);
      if (!view || failure) continue;
      this.#connect(view);
      if (!works) await this.#catchUp(view);
      if (view !== membership.view || !membership.works || waiting.closed) continue;
      if (state.step < view.step) throw new Error(`exchange: at step ${state.step} of a view of ${view.step}`);
      this.#moved.ring();
      return view;
    }
  }

  /** Applies the sum it lacks, or takes the whole state over. */
  async #catchUp(view: GroupView): Promise<void> {
    const { wire, run, state, membership, signal: stop, onTakenOver } = this.#options;
    const source = view.members.find(({ id }) => id === view.source)!;
    const step = view.need === "SUM" ? view.step - 1 : view.step;
    const request = { runId: this.#membership.runId, what: view.need, step };
    const signal = AbortSignal.any([this.#deliveries.signal, ...(stop ? [stop] : [])]);
    let vectors: readonly Float32Array[];
    try {
      const onMessage = () => this.#waiting.hear();
      vectors = await wire.fetch(source, request, vectorsToFetch(view.need, run), signal, onMessage);
    } catch (error) {
      if (signal.aborted) return;
      const why = `did not give its ${view.need.toLowerCase()}: ${(error as Error).message}`;
      this.#membership.tell({ type: "fetchFailed", view: view.view, why });
      return void (await this.#waiting.until(() => this.#done, view));
    }
    if (signal.aborted || this.#waiting.closed) return;
    if (view.need === "SUM") this.#commit({ sum: toSum(step, vectors), sent: Promise.resolve() });
    else {
      this.#forget();
      state.restore(toSnapshot(step, run, vectors));
      onTakenOver?.(step);
      membership.tell(`the state after ${step * stepsOf(run)} steps was taken over from node ${source.rank}`);
    }
    this.#membership.tell({
      type: "fetched",
      view: view.view,
      hash: view.need === "STATE" ? this.#snapshot.hash() : "",
    });
  }

  /** Applies a sum: the only place where the state goes on. */
  #commit(exchanged: Exchanged): void {
    const [{ state }, { sum }, before] = [this.#options, exchanged, this.#last];
    if (sum.step !== state.step) throw new Error(`exchange: the sum of step ${sum.step} at step ${state.step}`);
    this.#last = exchanged;
    void before?.sent.then(() => this.#pool.give([before.sum.sum]));
    this.applied++;
    this.#forget();
    this.#inbox.clear();
    this.apply?.(sum);
    if (state.step !== sum.step + 1 && !this.#waiting.closed) {
      throw new Error(`exchange: the sum of step ${sum.step} was not applied`);
    }
    this.#membership.applied(state.step, this.#waiting.closed);
  }

  async #exchange(view: GroupView): Promise<Exchanged | undefined> {
    const { run, state, onExchange } = this.#options;
    const [{ id }, { step }] = [this.#membership, state];
    const start = performance.now();
    const exchanged = await exchange(this.#work.lend(), {
      ...{ view, id, step, run, inbox: this.#inbox, pool: this.#pool },
      send: (to, phase, vectors) => this.#send(view, to, phase, vectors),
      receive: (from, phase, look) => this.#receive(view, from, phase, look),
      diverged: (value) => this.#membership.tell({ type: "diverged", step, value }),
    });
    if (!exchanged) return void (await this.#waiting.until(() => this.#done, view));
    const seconds = (performance.now() - start) / 1000;
    onExchange?.({ step, seconds, bytes: this.#deliveries.takeBytes(), ...placeIn(view, id), times: exchanged.times });
    return exchanged;
  }

  #send(view: GroupView, to: Member, phase: Phase, vectors: readonly Vector[]): Promise<void> {
    const [{ runId, id }, { step }] = [this.#membership, this.#options.state];
    return this.#deliveries.send(to, { runId, view: view.view, step, from: id, phase }, vectors);
  }

  async #receive(view: GroupView, from: readonly Member[], phase: Phase, look: () => void): Promise<boolean> {
    const complete = completeness(from, phase, this.#inbox, (event) => this.#membership.tell(event));
    // The view may have ended between the two turns.
    return (await this.#waiting.until(() => (look(), complete()), view)) === "ready" && complete();
  }

  async #leave(close: (finished: boolean) => Promise<void>): Promise<void> {
    const membership = this.#membership;
    // Others may still need the last sum.
    const taken = () => this.#waiting.until(() => this.#deliveries.open === 0, membership.view, membership.deadline);
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
