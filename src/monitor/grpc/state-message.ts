/** Converts a run's progress to and from the wire: `scorestream.v1.RunState`. */
import { phases, type RunPhase, type PhaseTime, type RunState } from "../../metrics/run-state.ts";
import { fromTimestamp, toTimestamp, type Timestamp } from "./timestamp.ts";

const PREFIX = "RUN_PHASE_";

interface PhaseTimeMessage extends Omit<PhaseTime, "phase"> {
  readonly phase: string;
}

export interface RunStateMessage extends Omit<RunState, "phase" | "time" | "phases"> {
  readonly phase: string;
  readonly time: Timestamp | null;
  readonly phases: readonly PhaseTimeMessage[];
}

const toPhase = (phase: RunPhase) => `${PREFIX}${phase.toUpperCase()}`;
/** A phase of a version to come is some work. */
const fromPhase = (text: string): RunPhase => phases.find((phase) => toPhase(phase) === text) ?? "working";

export const stateToMessage = ({ phase, time, phases, ...rest }: RunState): RunStateMessage => ({
  ...rest,
  phase: toPhase(phase),
  time: toTimestamp(time),
  phases: phases.map((row) => ({ ...row, phase: toPhase(row.phase) })),
});

/** @param now Stands in for a time that is not there, ISO 8601. @throws RangeError for an impossible time. */
export const stateFromMessage = (
  { phase, time, phases, error, remedy, ...rest }: RunStateMessage,
  now: string,
): RunState => ({
  ...rest,
  phase: fromPhase(phase),
  time: time ? fromTimestamp(time) : now,
  phases: phases.map((row) => ({ ...row, phase: fromPhase(row.phase) })),
  ...(error ? { error } : {}),
  ...(remedy ? { remedy } : {}),
});
