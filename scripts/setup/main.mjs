/** The set-up in its order: packages, engine, program. */
import { constants } from "node:os";
import { join } from "node:path";
import { banner } from "./banner.mjs";
import { interruptible } from "./child.mjs";
import { prepareEngine, readyEngine } from "./engine.mjs";
import { Interrupted, SetupError } from "./errors.mjs";
import { launch } from "./launch.mjs";
import { withLock } from "./lock.mjs";
import { installPackages, packagesReady } from "./packages.mjs";
import { cacheFolder } from "./paths.mjs";
import { outliveReaders, say } from "./progress.mjs";

/** Does what is missing; nothing, and without the lock, when all is there. */
async function setUp() {
  if (packagesReady()) {
    const ready = readyEngine();
    if (ready) return ready;
  }
  return interruptible(() =>
    withLock(join(cacheFolder(), "setup.lock"), async () => {
      await installPackages();
      return prepareEngine();
    }),
  );
}

const DISK = {
  ENOSPC: "free some space",
  EACCES: "make it writable",
  EROFS: "make it writable",
  EPERM: "make it writable",
};

/** @returns {number} The exit code for an error, after saying what it is. */
function report(error) {
  if (error instanceof Interrupted) {
    say(`${error.message}; the next call goes on from here`);
    return 128 + constants.signals[error.signal];
  }
  if (error instanceof SetupError) {
    say(error.text);
    return error.exitCode;
  }
  const remedy = DISK[error.code];
  if (!remedy) throw error;
  const hint = `${remedy}, or put the cache elsewhere: SCORESTREAM_CACHE=DIR (now ${cacheFolder()})`;
  say(new SetupError(error.message, hint).text);
  return 1;
}

/** Where XLA finds its assembler for GPUs; what the user has set stays. */
function xlaTools({ engine, libraries }, env = process.env) {
  if (env.SCORESTREAM_XLA !== "1" || engine !== "cuda" || env.XLA_FLAGS) return {};
  return { XLA_FLAGS: `--xla_gpu_cuda_data_dir=${join(libraries, "nvidia/cuda_nvcc")}` };
}

/**
 * Sets up and runs a program.
 *
 * @param {string[]} argv Program and its arguments; empty only sets up.
 */
export async function main([program, ...args]) {
  outliveReaders();
  try {
    const prepared = await setUp();
    const text = banner(prepared);
    if (text) process.stderr.write(text);
    if (program === undefined) return say(`ready, engine: ${prepared.engine}`);
    const engine = prepared.engine === "wasm" ? { SCORESTREAM_ENGINE: "wasm" } : {};
    const environment = { ...engine, ...xlaTools(prepared), SCORESTREAM_SETUP: JSON.stringify(prepared) };
    process.exitCode = await launch(program, args, environment);
  } catch (error) {
    process.exitCode = report(error);
  }
}
