/** Where a run is and how long it still takes, by its events. */
import type { RunEvent } from "../metrics/run-event.ts";
import { phases as allPhases, type RunPhase, type PhaseTime, type RunState } from "../metrics/run-state.ts";
import type { PlannedPhase } from "./run-plan.ts";

/** Progress and times of one phase. */
interface Span {
  /** ms in it, up to the last change. */
  spent: number;
  done: number;
  total: number | undefined;
  /** The first progress, which holds the compilation and, resumed, what was done before. */
  first: { readonly done: number; readonly spent: number } | undefined;
}

export interface RunClockOptions {
  /** Phases by the configuration. Training tells by a "plan" whether it takes snapshots. */
  readonly plan: readonly PlannedPhase[];
  readonly pipeline: string;
  /** Examples in a step of the training. */
  readonly batchSize: number;
  /** The first step compiles. */
  readonly compile: boolean;
  /** When the run began, ms since 1970; default: now. What came before this clock was starting. */
  readonly begun?: number | undefined;
  /** ms since 1970. */
  readonly now?: () => number;
}

/** Why a run failed. */
export interface RunFailure {
  readonly error: string;
  readonly remedy?: string | undefined;
}

const clock = () => performance.timeOrigin + performance.now();

/**
 * Follows a run by its events. The time left of a phase is that of its own pace; of a phase to come, that of its cost
 * in evaluations of the network, at the pace of the phase now.
 */
export class RunClock {
  readonly #options: Omit<RunClockOptions, "now" | "begun" | "plan">;
  #plan: readonly PlannedPhase[];
  readonly #now: () => number;
  readonly #begun: number;
  readonly #spans = new Map<RunPhase, Span>();
  #phase: RunPhase = "starting";
  /** Phase that goes on when a look is over. */
  #under: RunPhase = "training";
  #since: number;
  #told: number;
  #stage = "";
  #unit = "";
  #step = 0;
  /** ms of one evaluation of the network. */
  #cost: number | undefined;
  #failure: RunFailure | undefined;

  constructor({ now = clock, begun = now(), plan, ...options }: RunClockOptions) {
    [this.#options, this.#now] = [options, now];
    this.#plan = plan;
    this.take({ type: "plan", totals: { snapshot: 0 } });
    this.#begun = this.#since = this.#told = Math.min(begun, now());
    this.#enter("starting");
  }

  /** @returns Whether the phase, or what is done in it, is another. */
  take(event: RunEvent): boolean {
    switch (event.type) {
      case "stage": {
        const { name, total, unit = "", phase = this.#phase === "starting" ? "starting" : "working" } = event;
        [this.#stage, this.#unit, this.#under] = [name, unit, phase];
        this.#enter(phase === "training" && this.#options.compile ? "compiling" : phase);
        const span = this.#span(phase);
        [span.total, span.done, span.first] = [total, 0, undefined];
        return true;
      }
      case "plan": {
        const before = this.#plan;
        this.#plan = before.map((planned) => ({ ...planned, total: event.totals[planned.phase] ?? planned.total }));
        return this.#plan.some(({ total }, i) => total !== before[i]!.total);
      }
      case "progress":
        return this.#progress(event.done);
      case "look":
        if (event.begins) this.#under = this.#phase;
        else this.#span("snapshot").done++;
        this.#enter(event.begins ? "snapshot" : this.#under);
        return true;
      case "result":
        this.#step = event.values.steps ?? event.values.resumedFrom ?? this.#step;
        return false;
      case "metric":
      case "message":
      case "histogram":
      case "rewind":
        return false;
    }
  }

  /** The run is over. */
  end(phase: "finished" | "stopped" | "failed", failure?: RunFailure): void {
    this.#enter(phase);
    this.#failure = failure;
  }

  state(): RunState {
    const { pipeline, batchSize } = this.#options;
    const now = this.#now();
    this.#settle(now);
    const span = this.#span(this.#phase);
    const rows = this.#rows();
    const left = rows.flatMap(({ secondsLeft }) => secondsLeft ?? []);
    const own = rows.find(({ phase }) => phase === this.#phase);
    const round = (seconds: number) => Math.round(seconds * 10) / 10;
    return {
      phase: this.#phase,
      time: new Date(now).toISOString(),
      ...{ stage: this.#stage, done: span.done, total: span.total, unit: this.#unit, step: this.#step },
      ...{ pipeline, images: this.#step * batchSize },
      ...{ seconds: round(span.spent / 1000), secondsLeft: own?.secondsLeft },
      runSeconds: round((now - this.#begun) / 1000),
      runSecondsLeft: left.length === rows.length ? round(left.reduce((a, b) => a + b, 0)) : undefined,
      idleSeconds: round((now - this.#told) / 1000),
      phases: rows,
      ...this.#failure,
    };
  }

  #progress(done: number): boolean {
    const changed = this.#phase === "compiling";
    if (changed) this.#enter("training");
    this.#settle(this.#now());
    this.#told = this.#since;
    const span = this.#span(this.#phase);
    span.done = done;
    span.first ??= { done, spent: span.spent };
    if (this.#phase === "training") this.#step = done;
    const unit = this.#pace(span);
    const planned = this.#plan.find(({ phase }) => phase === this.#phase);
    if (unit !== undefined && planned) this.#cost = unit / planned.weight;
    return changed;
  }

  /** ms a unit; undefined while that cannot be told. */
  #pace({ done, spent, first }: Span): number | undefined {
    if (!first || done <= first.done || spent <= first.spent) return undefined;
    return (spent - first.spent) / (done - first.done);
  }

  #span(phase: RunPhase): Span {
    let span = this.#spans.get(phase);
    if (!span) this.#spans.set(phase, (span = { spent: 0, done: 0, total: undefined, first: undefined }));
    return span;
  }

  /** Counts the time since the last call to the present phase. */
  #settle(now: number): void {
    this.#span(this.#phase).spent += now - this.#since;
    this.#since = now;
  }

  #enter(phase: RunPhase): void {
    this.#settle(this.#now());
    this.#told = this.#since;
    this.#phase = phase;
    this.#span(phase);
  }

  /** Units of a planned phase that are still to do. */
  #ahead({ phase, total }: PlannedPhase): number {
    if (phase === "snapshot") {
      const training = this.#spans.get("training");
      const part = training?.total ? 1 - training.done / training.total : 1;
      return Math.round(total * part);
    }
    const span = this.#spans.get(phase);
    return Math.max(0, (span?.total ?? total) - (span?.done ?? 0));
  }

  /** True once a phase is over: a later one has begun, and it is not merely interrupted by a look. */
  #isPast(phase: RunPhase): boolean {
    const order = this.#plan.map((planned) => planned.phase);
    const now = this.#phase === "snapshot" || this.#phase === "compiling" ? this.#under : this.#phase;
    const at = order.indexOf(now);
    if (allPhases.indexOf(now) >= allPhases.indexOf("finished")) return true;
    if (phase === "snapshot") return at > order.indexOf("training");
    return order.indexOf(phase) < at;
  }

  #left(planned: PlannedPhase): number | undefined {
    if (this.#isPast(planned.phase)) return 0;
    const span = this.#spans.get(planned.phase);
    const own = span && (planned.phase === "snapshot" ? span.done > 0 && span.spent / span.done : this.#pace(span));
    const unit = own || (this.#cost === undefined ? undefined : this.#cost * planned.weight);
    return unit === undefined ? undefined : Math.round((this.#ahead(planned) * unit) / 100) / 10;
  }

  #rows(): PhaseTime[] {
    const rows = allPhases.flatMap((phase): PhaseTime[] => {
      const [span, planned] = [this.#spans.get(phase), this.#plan.find((each) => each.phase === phase)];
      if (!span && (!planned?.total || this.#isPast(phase))) return [];
      const seconds = Math.round((span?.spent ?? 0) / 100) / 10;
      return [{ phase, seconds, secondsLeft: planned ? this.#left(planned) : 0 }];
    });
    return rows.filter(({ phase }) => allPhases.indexOf(phase) < allPhases.indexOf("finished"));
  }
}
