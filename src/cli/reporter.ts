/** Shows a run on standard error: a bar on a terminal, lines elsewhere. */
import { barReporter } from "./progress-bar.ts";
import { lineReporter } from "./progress-lines.ts";
import type { Reporter, Screen } from "../run/reporter.ts";

/** The reporter that fits `screen`. `now` gives milliseconds. */
export function reporterFor(screen: Screen, now: () => number = Date.now): Reporter {
  return screen.isTTY ? barReporter(screen as NodeJS.WriteStream, now) : lineReporter(screen, now);
}
