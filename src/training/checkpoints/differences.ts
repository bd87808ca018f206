/** Lists of what is wrong with a checkpoint. */
import { UsageError } from "../../base/errors.ts";
import { andMore } from "../../base/lists.ts";

const SHOWN = 8;

/**
 * @param heading Without the colon, as "checkpoint x belongs to another model".
 * @param lines One for each difference; beyond the first few they are counted only.
 */
export function differencesError(heading: string, lines: readonly string[], remedy: string): UsageError {
  const more = lines.length > SHOWN ? [andMore(lines.length - SHOWN).trim()] : [];
  const list = [...lines.slice(0, SHOWN), ...more].map((line) => `\n  ${line}`).join("");
  return new UsageError(`${heading}:${list}`, remedy);
}
