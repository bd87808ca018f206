/** Progress on a terminal. */
import cliProgress from "cli-progress";
import type { Reporter, StageProgress } from "../run/reporter.ts";
import { barLine } from "./bar-line.ts";
import { Pace } from "./pace.ts";

const CLEAR_LINE = "\r\x1b[2K";
/** Columns of a terminal that does not tell them. */
const COLUMNS = 80;

/** Values that a drawing of the bar needs. */
interface Payload {
  readonly progress?: StageProgress;
  readonly left?: number | undefined;
}

/** One bar a stage, redrawn in place. */
export function barReporter(screen: NodeJS.WriteStream, now: () => number): Reporter {
  let bar: cliProgress.SingleBar | undefined;
  let pace = new Pace(undefined);

  const close = () => {
    bar?.stop();
    bar = undefined;
  };

  return {
    message(text) {
      screen.write(bar ? `${CLEAR_LINE}${text}\n` : `${text}\n`);
      bar?.render();
    },
    stage(stage) {
      close();
      const { total } = stage;
      pace = new Pace(total);
      // Drawn anew each time: the terminal may have become narrower.
      const format = (_: unknown, { value }: { value: number }, { progress = { done: value }, left }: Payload) =>
        barLine(stage, progress, left, screen.columns || COLUMNS);
      bar = new cliProgress.SingleBar({
        stream: screen,
        format: format as cliProgress.GenericFormatter,
        // The library would end the process at SIGINT, before the run has saved.
        gracefulExit: false,
        forceRedraw: true,
        hideCursor: true,
        // The terminal wraps long messages, and the library cuts the bar: without this the terminal cuts both.
        linewrap: true,
      });
      bar.start(total ?? 0, 0, {});
    },
    progress(progress) {
      const left = pace.secondsLeft(progress.done, now());
      bar?.update(progress.done, { progress, left } satisfies Payload);
    },
    close,
  };
}
