/** Occasions in what a run tells of which people want to hear. */
import { isMetric, type Entry, type MetricEntry, type StateEntry } from "../../metrics/metric.ts";
import { isOver } from "../../metrics/run-state.ts";
import { crossingText, isBeyond, type MetricLine } from "./crossing.ts";

/** A message as it is posted; chat services show `text`. */
export interface Notice {
  readonly event: "finished" | "stopped" | "failed" | "lost" | "crossed";
  readonly text: string;
  readonly run: string;
  readonly node: string;
  readonly pipeline?: string | undefined;
  readonly step: number;
  /** ISO 8601, UTC. */
  readonly time: string;
  /** Of a failure. */
  readonly error?: string | undefined;
  readonly remedy?: string | undefined;
  /** The line that was crossed, "eval/bound>4", and the value beyond it. */
  readonly line?: string;
  readonly value?: number;
}

const keyOf = (...parts: readonly string[]) => JSON.stringify(parts);

/** Finds a run's end, its failure, its loss, and the first value beyond a line after none was; each once. */
export class Occasions {
  readonly #lines: readonly MetricLine[];
  /** Node and line whose last value was beyond it. */
  readonly #beyond = new Set<string>();
  /** Phases of nodes that were told. */
  readonly #told = new Map<string, string>();

  constructor(lines: readonly MetricLine[]) {
    this.#lines = lines;
  }

  /** Takes what is known already: it is no occasion. */
  remember(entries: readonly Entry[]): void {
    this.take(entries);
  }

  take(entries: readonly Entry[]): Notice[] {
    return entries.flatMap((entry) => (isMetric(entry) ? this.#metric(entry) : this.#state(entry)));
  }

  #metric({ runId: run, node, metric: { name, value, step, time } }: MetricEntry): Notice[] {
    return this.#lines.flatMap((line): Notice[] => {
      if (line.metric !== name) return [];
      const key = keyOf(run, node, crossingText(line));
      if (!isBeyond(line, value)) return (this.#beyond.delete(key), []);
      if (this.#beyond.has(key)) return [];
      this.#beyond.add(key);
      const crossed = crossingText(line);
      const text = `${run}: ${name} is ${value} at step ${step} (${crossed})`;
      return [{ event: "crossed", text, run, node, step, time, line: crossed, value }];
    });
  }

  #state({ runId: run, node, state }: StateEntry): Notice[] {
    const { phase, step, time, pipeline, error, remedy } = state;
    const key = keyOf(run, node);
    const before = this.#told.get(key);
    this.#told.set(key, phase);
    if (before === phase || !(isOver(state) || phase === "lost")) return [];
    const words = { finished: "has finished", stopped: "was stopped", failed: "has failed", lost: "is lost: nothing was heard for 30 s" }; // prettier-ignore
    const event = phase as keyof typeof words;
    const at = error?.startsWith(`step ${step}:`) ? "" : `, step ${step}`;
    const text = `${run} ${words[event]}${at}${error === undefined ? "" : `: ${error}`}`;
    return [{ event, text, run, node, ...(pipeline && { pipeline }), step, time, error, remedy }];
  }
}
