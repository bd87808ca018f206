/** A program whose launcher was killed would go on unseen, and hold its workdir. */

/** ms between looks at the parent. */
const LOOK = 1000;

export interface Orphaned {
  readonly env: NodeJS.ProcessEnv;
  readonly parent: () => number;
  readonly stop: () => void;
}

const ofProcess: Orphaned = {
  env: process.env,
  parent: () => process.ppid,
  stop: () => process.kill(process.pid, "SIGTERM"),
};

/** Stops this process as by SIGTERM once the launcher that started it, `SCORESTREAM_LAUNCHER`, is no longer its parent. */
export function stopWithLauncher({ env, parent, stop }: Orphaned = ofProcess): void {
  const launcher = Number(env["SCORESTREAM_LAUNCHER"]);
  // This process has another parent: it was started by hand, or by a program that the launcher started.
  if (parent() !== launcher) return;
  const timer = setInterval(() => {
    if (parent() === launcher) return;
    clearInterval(timer);
    stop();
  }, LOOK);
  timer.unref();
}
