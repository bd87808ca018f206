import type { Reporter } from "../run/reporter.ts";

/** The reporter, and beside it a log: messages, and which stages began. */
export function logged(reporter: Reporter, log: (text: string) => void): Reporter {
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
