/** Shows a run on standard error: a bar on a terminal, lines elsewhere. */
import { barReporter } from "./progress-bar.ts";
import { lineReporter } from "./progress-lines.ts";
import type { Reporter, Screen } from "../run/reporter.ts";

/**
 * The reporter that fits `screen`: a terminal that cannot draw over a line (TERM=dumb) gets lines as a file does.
 *
 * @param now Milliseconds.
 */
export function reporterFor(
  screen: Screen,
  now: () => number = Date.now,
  { TERM: terminal }: NodeJS.ProcessEnv = process.env,
): Reporter {
  return screen.isTTY && terminal !== "dumb"
    ? barReporter(screen as NodeJS.WriteStream, now)
    : lineReporter(screen, now);
}
