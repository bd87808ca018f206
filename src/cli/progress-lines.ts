/** Progress in a log file: whole lines, no control characters. */
import { details, Pace } from "./pace.ts";
import type { StageProgress } from "../run/reporter.ts";
import type { Screen } from "../run/reporter.ts";
import type { Reporter } from "../run/reporter.ts";
import type { ReportedStage } from "../run/reporter.ts";

const INTERVAL = 10_000;

/** A line at every tenth of a stage, and after 10 seconds without one. */
export function lineReporter(screen: Screen, now: () => number): Reporter {
  let stage: ReportedStage = { name: "" };
  let pace = new Pace(undefined);
  let lastTime = 0;
  let lastTenth = 0;
  let pending: StageProgress | undefined;

  const show = (progress: StageProgress) => {
    const { name, total, unit = "" } = stage;
    const count = total === undefined ? `${progress.done}` : `${progress.done}/${total}`;
    const text = details(progress, pace.secondsLeft(progress.done, now()));
    screen.write([`${name}: ${count}`, unit, text && `(${text})`].filter(Boolean).join(" ") + "\n");
    pending = undefined;
  };
  const close = () => {
    if (pending) show(pending);
  };

  return {
    message: (text) => void screen.write(`${text}\n`),
    stage(next) {
      close();
      stage = next;
      pace = new Pace(next.total);
      lastTime = now();
      lastTenth = 0;
      screen.write(`${next.name} ...\n`);
    },
    progress(progress) {
      pace.secondsLeft(progress.done, now());
      pending = progress;
      const tenth = stage.total === undefined ? 0 : Math.floor((10 * progress.done) / stage.total);
      if (tenth === lastTenth && now() - lastTime < INTERVAL) return;
      [lastTime, lastTenth] = [now(), tenth];
      show(progress);
    },
    close,
  };
}
