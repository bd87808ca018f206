/** The places at which a run is killed. */

/** Kinds of files that a run writes; "rename": the moment when a temporary file gets its name. */
export const places = ["temporary", "rename", "metric", "progress", "report"] as const;
export type Place = (typeof places)[number];

/** A moment of one write, at which the process dies. A rename has no half. */
export type Moment = "before" | "half" | "after";

/** Order for the process that is killed. */
export interface Order {
  readonly place?: Place;
  /** Which of the writes at this place, from 1. */
  readonly number?: number;
  readonly moment?: Moment;
  /** File that takes all space of its disk before the write; the process does not die. */
  readonly filler?: string;
  /** File for the numbers of writes by place; absent: they are not counted. */
  readonly counts?: string;
}

const REPORT = /(^|[/.])report\.(html|json)/;

/** The places that writing a file is. */
export function placeOf(path: string, renamed: boolean): Place[] {
  const report: Place[] = REPORT.test(path) ? ["report"] : [];
  if (renamed) return ["rename", ...report];
  if (path.endsWith(".tmp")) return ["temporary", ...report];
  if (path.endsWith("metrics.jsonl")) return ["metric"];
  return /\.jsonl$|_partial|progress/.test(path) ? ["progress"] : report;
}
