/** Progress on a terminal. */
import cliProgress from "cli-progress";
import { details, Pace } from "./pace.ts";
import type { Reporter } from "../run/reporter.ts";

const WIDTH = 24;
const CLEAR_LINE = "\r\x1b[2K";

function drawBar(fraction: number): string {
  const full = Math.round(Math.min(Math.max(fraction, 0), 1) * WIDTH);
  return "█".repeat(full) + "░".repeat(WIDTH - full);
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
    stage({ name, total, unit = "" }) {
      close();
      pace = new Pace(total);
      const format = (_: unknown, { value }: { value: number }, { text = "" }: { text?: string }) =>
        total === undefined
          ? `${name} ${value} ${unit} ${text}`
          : `${name} ${drawBar(value / total)} ${value}/${total} ${unit} ${text}`;
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
      bar?.update(progress.done, { text: details(progress, left) });
    },
    close,
  };
}
