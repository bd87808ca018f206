/** SIGINT, SIGTERM and, from a terminal that closes, SIGHUP: the first asks the run to save and end, the second ends it at once. */

const CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
export type StopSignal = keyof typeof CODES;

/** One key press may arrive several times, passed on by npm and by the terminal; ms. */
const SAME_PRESS = 300;

/** The part of `process` that is used. */
export interface SignalSource {
  on(event: StopSignal, listener: () => void): unknown;
  off(event: StopSignal, listener: () => void): unknown;
}

export interface SignalOptions {
  readonly source: SignalSource;
  /** Called once, at the first signal. */
  readonly onStop: (signal: StopSignal) => void;
  /** Called at the second, with the exit code of the first. */
  readonly onQuit: (exitCode: number) => void;
  /** Milliseconds. */
  readonly now?: () => number;
}

export interface Signals {
  /** The signal that came first, and its exit code. */
  readonly stopped: { readonly signal: StopSignal; readonly exitCode: number } | undefined;
  /** Stops listening. */
  dispose(): void;
}

/** Listens for the signals until disposed. */
export function listenForSignals({ source, onStop, onQuit, now = Date.now }: SignalOptions): Signals {
  let stopped: Signals["stopped"];
  let last = 0;
  const listeners = (Object.keys(CODES) as StopSignal[]).map((signal) => {
    const listener = () => {
      const before = last;
      last = now();
      if (!stopped) {
        stopped = { signal, exitCode: CODES[signal] };
        onStop(signal);
      } else if (last - before >= SAME_PRESS) onQuit(stopped.exitCode);
    };
    source.on(signal, listener);
    return { signal, listener };
  });
  return {
    get stopped() {
      return stopped;
    },
    dispose: () => listeners.forEach(({ signal, listener }) => source.off(signal, listener)),
  };
}
