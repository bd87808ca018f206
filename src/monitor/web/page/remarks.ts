/** Remarks on runs: the look of their curves, a note, tags. This browser keeps them. */
import { COLOUR_NAMES, DASHES, type CurveLook } from "./looks.ts";

export interface Remark extends Partial<CurveLook> {
  readonly note?: string;
  readonly tags?: string;
}

const KEY = "scorestream-remarks";

/** The part of the browser's storage that is needed. */
export type Shelf = Pick<Storage, "getItem" | "setItem">;

const place = (value: unknown, end: number) => (Number.isInteger(value) && (value as number) >= 0 && (value as number) < end ? (value as number) : undefined); // prettier-ignore
const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);

/** The parts that are well; others are left out. */
function remarkOf(value: unknown): Remark {
  const { colour, dash, note, tags } = (value ?? {}) as Record<keyof Remark, unknown>;
  const parts = { colour: place(colour, COLOUR_NAMES.length), dash: place(dash, DASHES.length), note: text(note), tags: text(tags) }; // prettier-ignore
  return Object.fromEntries(Object.entries(parts).filter(([, part]) => part !== undefined));
}

/** Remarks by run, as they were kept. */
export function readRemarks(shelf: Shelf): Map<string, Remark> {
  try {
    const kept = JSON.parse(shelf.getItem(KEY) ?? "{}") as Record<string, unknown>;
    return new Map(Object.entries(kept).map(([run, remark]) => [run, remarkOf(remark)]));
  } catch {
    return new Map(); // somebody else's text
  }
}

/** Changes a run's remark, and keeps all; runs without one are left out. */
export function setRemark(
  remarks: Map<string, Remark>,
  run: string,
  part: Record<string, unknown>,
  shelf: Shelf,
): void {
  const remark = remarkOf({ ...remarks.get(run), ...part });
  if (Object.keys(remark).length === 0) remarks.delete(run);
  else remarks.set(run, remark);
  shelf.setItem(KEY, JSON.stringify(Object.fromEntries(remarks)));
}
