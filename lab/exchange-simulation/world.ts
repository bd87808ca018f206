/** Virtual time, a network and a log: nothing of it depends on the machine it runs on. */

export type Random = () => number;

/** Uniform numbers of [0, 1), a function of the seed (Mulberry32). */
export function randomOf(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Due {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

const before = (a: Due, b: Due) => a.at < b.at || (a.at === b.at && a.order < b.order);

/** What is to happen, in order of time. */
export class World {
  now = 0;
  readonly #said: (readonly [now: number, who: string, text: string])[] = [];
  readonly #heap: Due[] = [];
  #order = 0;

  /** Does it after `ms`. */
  after(ms: number, run: () => void): void {
    const due = { at: this.now + ms, order: this.#order++, run };
    const heap = this.#heap;
    let i = heap.push(due) - 1;
    for (let up = (i - 1) >> 1; i > 0 && before(due, heap[up]!); i = up, up = (i - 1) >> 1) heap[i] = heap[up]!;
    heap[i] = due;
  }

  say(who: string, text: string): void {
    this.#said.push([this.now, who, text]);
  }

  /** What was said, a line each: most runs are never read. */
  get log(): string[] {
    return this.#said.map(([now, who, text]) => `${(now / 1000).toFixed(3).padStart(9)} ${who}: ${text}`);
  }

  /** Runs until nothing is left, `until` holds or the time is up. @returns Whether the time was up. */
  run(limit: number, until: () => boolean): boolean {
    for (let due = this.#pop(); due; due = this.#pop()) {
      if (due.at > limit) return true;
      this.now = due.at;
      due.run();
      if (until()) return false;
    }
    return false;
  }

  #pop(): Due | undefined {
    const heap = this.#heap;
    const [top] = heap;
    const last = heap.pop();
    if (heap.length === 0 || !last) return top;
    let i = 0;
    for (;;) {
      let down = 2 * i + 1;
      if (down >= heap.length) break;
      if (down + 1 < heap.length && before(heap[down + 1]!, heap[down]!)) down++;
      if (!before(heap[down]!, last)) break;
      heap[i] = heap[down]!;
      i = down;
    }
    heap[i] = last;
    return top;
  }
}

/** A process: what is to be done in it waits while it is frozen, and is forgotten when it is killed. */
export class Process {
  running = true;
  #frozen = false;
  readonly #waiting: (() => void)[] = [];
  /** When it is told that this process is no more. */
  readonly onEnd: ((flushed: boolean) => void)[] = [];

  do(run: () => void): void {
    if (!this.running) return;
    if (this.#frozen) this.#waiting.push(run);
    else run();
  }

  get frozen(): boolean {
    return this.#frozen;
  }

  freeze(): void {
    this.#frozen = true;
  }

  thaw(): void {
    this.#frozen = false;
    while (this.#waiting.length > 0 && this.running && !this.#frozen) this.#waiting.shift()!();
  }

  /**
   * @param silent The machine is gone too: nobody is told.
   * @param flushed What it sent still arrives.
   */
  end(silent: boolean, flushed = false): void {
    if (!this.running) return;
    this.running = false;
    if (!silent) this.reset(flushed);
  }

  /** Its machine tells that there is no such process any more. */
  reset(flushed = false): void {
    for (const told of this.onEnd.splice(0)) told(flushed);
  }
}

const wayOf = (from: number, to: number) => 64 * from + to;

/** Between machines: delays, and what does not get through for a while. */
export class Network {
  readonly #world: World;
  readonly #random: Random;
  readonly #delay: number;
  /** By {@link wayOf}: until when nothing gets through. */
  readonly #blocked = new Map<number, number>();

  constructor(world: World, random: Random, delay: number) {
    this.#world = world;
    this.#random = random;
    this.#delay = delay;
  }

  block(from: number, to: number, ms: number): void {
    this.#blocked.set(wayOf(from, to), this.#world.now + ms);
  }

  heal(): void {
    this.#blocked.clear();
  }

  /** ms until something sent now arrives: what is blocked is sent again until it gets through. */
  delay(from: number, to: number): number {
    const open = Math.max(0, (this.#blocked.get(wayOf(from, to)) ?? 0) - this.#world.now);
    return open + this.#delay * (0.5 + this.#random());
  }
}

/** A connection between two processes: in order, or broken. */
export class Connection {
  open = true;
  readonly #world: World;
  readonly #network: Network;
  readonly #ends: readonly { readonly host: number; readonly process: Process }[];
  readonly #last = [0, 0];
  /** What is on its way does not arrive either. */
  #cut = false;
  /** Told each end once that the connection is broken. */
  readonly onBreak: ((why: string) => void)[] = [() => {}, () => {}];

  constructor(
    world: World,
    network: Network,
    a: { host: number; process: Process },
    b: { host: number; process: Process },
  ) {
    // prettier-ignore
    [this.#world, this.#network, this.#ends] = [world, network, [a, b]];
    a.process.onEnd.push((flushed) => this.break("the other process ended", flushed));
    b.process.onEnd.push((flushed) => this.break("the other process ended", flushed));
  }

  /** Does it at the other end, after what was sent before. */
  send(from: 0 | 1, run: () => void): void {
    if (!this.open) return;
    const to = (1 - from) as 0 | 1;
    const [a, b] = [this.#ends[from]!, this.#ends[to]!];
    const at = Math.max(this.#last[to]!, this.#world.now + this.#network.delay(a.host, b.host));
    this.#last[to] = at;
    this.#world.after(at - this.#world.now, () => !this.#cut && b.process.do(run));
  }

  break(why: string, flushed = false): void {
    if (!this.open) return;
    this.open = false;
    this.#cut = !flushed;
    const ms = (i: number) => 1 + (flushed ? Math.max(0, this.#last[i]! - this.#world.now) : 0);
    this.#ends.forEach(({ process }, i) => this.#world.after(ms(i), () => process.do(() => this.onBreak[i]!(why))));
  }
}
