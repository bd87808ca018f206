import { logFile } from "../monitor/log-file.ts";
import type { Reporter } from "../run/reporter.ts";

/** The reporter, and beside it the log of the workdir: messages, and which stages began. */
export function logged(reporter: Reporter, workdir: string): Reporter {
  const log = logFile(workdir, (text) => reporter.message(text));
  return {
    message(text) {
      reporter.message(text);
      log(text);
    },
    stage(stage) {
      reporter.stage(stage);
      log(`${stage.name} ...`);
    },
    progress: (progress) => reporter.progress(progress),
    close: () => reporter.close(),
  };
}
