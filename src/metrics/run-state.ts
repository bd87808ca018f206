/** Progress of a run, as data. */

/** Phases of a run, in their usual order; "working" is a stage of a pipeline's own, "lost" is said by who hears nothing. */
export const phases = [
  "starting",
  "compiling",
  "training",
  "snapshot",
  "working",
  "evaluating_loss",
  "evaluating_likelihood",
  "evaluating_bound",
  "sampling",
  "evaluating_quality",
  "finished",
  "stopped",
  "failed",
  "lost",
] as const;
/** One of {@link phases}. */
export type RunPhase = (typeof phases)[number];

/** The time of one phase, in all. */
export interface PhaseTime {
  readonly phase: RunPhase;
  readonly seconds: number;
  /** Estimated; 0 when it is over, absent while nothing can be said. */
  readonly secondsLeft?: number | undefined;
}

/** The state that a run reports at a change of phase, and every {@link HEARTBEAT} ms. */
export interface RunState {
  readonly phase: RunPhase;
  /** ISO 8601, UTC. */
  readonly time: string;
  /** Name of the work in the pipeline's words: "likelihood (ODE)". */
  readonly stage: string;
  /** Progress of the phase, in `unit`. */
  readonly done: number;
  readonly total?: number | undefined;
  readonly unit: string;
  /** Name of the pipeline. */
  readonly pipeline: string;
  /** Optimizer steps behind the parameters. */
  readonly step: number;
  /** Examples that these steps have seen. */
  readonly images: number;
  /** In this phase. */
  readonly seconds: number;
  readonly secondsLeft?: number | undefined;
  /** Since the program began. */
  readonly runSeconds: number;
  readonly runSecondsLeft?: number | undefined;
  /** Since the run last told of progress. */
  readonly idleSeconds: number;
  /** The phases there were and will be, in their order. */
  readonly phases: readonly PhaseTime[];
  /** Why it failed, one line. */
  readonly error?: string | undefined;
  readonly remedy?: string | undefined;
}

/** ms between signs of life. */
export const HEARTBEAT = 10_000;
/** ms without one after which a run counts as lost. */
export const LOST_AFTER = 30_000;

/** True when a run that reported this reports nothing more. */
export const isOver = ({ phase }: Pick<RunState, "phase">): boolean =>
  phase === "finished" || phase === "stopped" || phase === "failed";

const isPhase = (value: unknown): value is RunPhase => (phases as readonly unknown[]).includes(value);
const isTime = (value: unknown): value is string => typeof value === "string" && !Number.isNaN(Date.parse(value));

/** A state that was stored or sent, with what it lacks; undefined for anything else. */
export function parseRunState(value: unknown): RunState | undefined {
  const { phase, time, ...rest } = (value ?? {}) as Partial<RunState>;
  if (!isPhase(phase) || !isTime(time)) return undefined;
  const none = {
    stage: "",
    done: 0,
    unit: "",
    pipeline: "",
    step: 0,
    images: 0,
    seconds: 0,
    runSeconds: 0,
    idleSeconds: 0,
    phases: [],
  };
  return { phase, time, ...none, ...rest };
}
