/** What a run leaves that must be the same whether it was killed or not. */
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { filesIn, sha256Of, type Ran } from "../program.ts";

/** The parts of what a run leaves; each is a list of texts. */
export interface Result {
  /** Of the summary. */
  readonly numbers: readonly string[];
  /** Files and their hashes. */
  readonly files: readonly string[];
  /** Metrics that follow from the seed. */
  readonly metrics: readonly string[];
  /** Whatever should not be there: metrics told twice, lines that cannot be read, temporary files. */
  readonly wrong: readonly string[];
}

const NUMBERS = /^(steps|parameters|bpd|bound|evalLoss|exactBpd|\w+StandardError|evalImages)$/;
/** Files with times or names of processes in them. */
const TIMED =
  /^(tensorboard\/|log\.txt$|metrics\.jsonl$|run-|\.lock$)|report\.(html|json)$|about\.json$|shards\.jsonl$/;
/** Metrics that a timer tells: none in a short run, and several of one step in a long one. */
const TIMER = /^(machine|\w+_stage)\//;
/**
 * Metrics of times and memory, not of the seed. A step has none that was the last one before a kill, whose process took them
 * with it, or the first one after a start.
 */
const MEASURED = /^(stage|process|data)\/|seconds|per_second/;

interface Told {
  readonly name?: string;
  readonly step?: number;
  readonly value?: number | null;
}

function metricsIn(workdir: string): Pick<Result, "metrics" | "wrong"> {
  const path = join(workdir, "metrics.jsonl");
  const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n") : [];
  const wrong: string[] = [];
  const places = new Set<string>();
  const metrics: string[] = [];
  for (const line of lines.filter((text) => text.trim() !== "")) {
    let told: Told;
    try {
      told = JSON.parse(line) as Told;
    } catch {
      wrong.push(`unreadable line ${line.slice(0, 40)}`);
      continue;
    }
    if (told.name === undefined || TIMER.test(told.name)) continue;
    const place = `${told.name} of step ${told.step}`;
    if (places.has(place)) wrong.push(`${place} twice`);
    places.add(place);
    if (!MEASURED.test(told.name)) metrics.push(`${place}: ${told.value}`);
  }
  return { metrics: metrics.sort(), wrong };
}

/** Reads what a run has left in its folder. */
export function resultIn(folder: string, { summary }: Ran): Result {
  const files = filesIn(folder);
  const { metrics, wrong } = metricsIn(folder);
  const numbers = Object.entries(summary).filter(([name]) => NUMBERS.test(name));
  return {
    numbers: numbers.map(([name, value]) => `${name} ${String(value)}`),
    files: files.filter((path) => !TIMED.test(path) && !TIMED.test(basename(path))).map((path) => `${path} ${sha256Of(join(folder, path))}`),
    metrics,
    wrong: [...wrong, ...files.filter((path) => path.endsWith(".tmp"))],
  }; // prettier-ignore
}

/** How two results differ, in a line; undefined where they do not. */
export function difference(whole: Result, found: Result): string | undefined {
  const parts = (["numbers", "files", "metrics"] as const).flatMap((part) => {
    const [missing, more] = [
      whole[part].filter((text) => !found[part].includes(text)),
      found[part].filter((text) => !whole[part].includes(text)),
    ];
    return [...missing.map((text) => `${text} is missing`), ...more.map((text) => `${text} is there instead`)];
  });
  const all = [...parts, ...found.wrong];
  return all.length === 0
    ? undefined
    : all.slice(0, 4).join(", ") + (all.length > 4 ? `, and ${all.length - 4} more` : "");
}
