/** Progress lines on standard error. */

/** Goes on when whoever reads has closed early, as `head` does, or the terminal is gone. */
export function outliveReaders() {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
}

/** Writes one line. */
export const say = (text) => void process.stderr.write(`set-up: ${text}\n`);

/** Bytes as "274 MB". */
export const megabytes = (bytes) => `${Math.round(bytes / 1e6)} MB`;

/**
 * Says what a step does, does it, and says how long it took.
 *
 * @template T
 * @param {string} what As "compiling the binding".
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step(what, work) {
  say(`${what} ...`);
  const started = performance.now();
  const result = await work();
  say(`${what}: done, ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return result;
}

/**
 * Repeats a line every few seconds while a long step goes on.
 *
 * @param {() => string | undefined} line Undefined says nothing this time.
 * @returns A function that ends it.
 */
export function every(seconds, line) {
  const timer = setInterval(() => {
    const text = line();
    if (text) say(text);
  }, seconds * 1000);
  return () => clearInterval(timer);
}
