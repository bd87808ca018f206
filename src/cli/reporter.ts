/** Shows a run on standard error: a bar on a terminal, lines elsewhere. */
import { barReporter } from "./progress-bar.ts";
import { lineReporter } from "./progress-lines.ts";
import type { Progress } from "./pace.ts";

export interface Stage {
  readonly name: string;
  readonly total?: number;
  readonly unit?: string;
}

export interface Reporter {
  message(text: string): void;
  stage(stage: Stage): void;
  progress(progress: Progress): void;
  /** Ends the stage and gives the cursor back; the reporter can be used on. */
  close(): void;
}

/** Standard error, or what a test puts in its place. */
export type Screen = Pick<NodeJS.WriteStream, "write"> & { readonly isTTY?: boolean };

/** The reporter that fits `screen`. `now` gives milliseconds. */
export function reporterFor(screen: Screen, now: () => number = Date.now): Reporter {
  return screen.isTTY ? barReporter(screen as NodeJS.WriteStream, now) : lineReporter(screen, now);
}
