/** The line of a stage's progress, as long as the terminal is wide. */
import type { ReportedStage, StageProgress } from "../run/reporter.ts";
import { details } from "./pace.ts";

/** Characters of the bar, where there is room for it and where there is less. */
const WIDTHS = [24, 10];

function drawBar(fraction: number, width: number): string {
  const full = Math.round(Math.min(Math.max(fraction, 0), 1) * width);
  return "█".repeat(full) + "░".repeat(width - full);
}

const join = (...parts: readonly string[]) => parts.filter(Boolean).join(" ");

/** The beginning of a text that fits, with a sign that it goes on. */
const cut = (text: string, width: number) =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;

/**
 * Puts together what is known. Where it does not fit, the least important goes first: speed, loss, the bar's length, the
 * unit, the bar, the end of the name; never the time left.
 *
 * @param left Seconds.
 */
export function barLine(
  { name, total, unit = "" }: ReportedStage,
  { done, loss, imagesPerSecond }: StageProgress,
  left: number | undefined,
  columns: number,
): string {
  const count = total === undefined ? String(done) : `${done}/${total}`;
  const bars = total === undefined ? ["", ""] : WIDTHS.map((width) => drawBar(done / total, width));
  const told = (known: Omit<StageProgress, "done">) => details({ done, ...known }, left);
  const speed = imagesPerSecond === undefined ? {} : { imagesPerSecond };
  const all = { ...(loss !== undefined && { loss }), ...speed };
  const some = loss === undefined ? {} : { loss };
  const forms = [
    join(name, bars[0]!, count, unit, told(all)),
    join(name, bars[0]!, count, unit, told(some)),
    join(name, bars[1]!, count, unit, told(some)),
    join(name, bars[1]!, count, unit, told({})),
    join(name, bars[1]!, count, told({})),
    join(name, count, told({})),
  ];
  const rest = join(count, told({}));
  return forms.find((form) => form.length <= columns) ?? join(cut(name, columns - rest.length - 1), rest);
}
