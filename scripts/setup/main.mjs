/** The set-up in its order: packages, engine, program. */
import { constants } from "node:os";
import { join } from "node:path";
import { banner } from "./banner.mjs";
import { interruptible } from "./child.mjs";
import { deathText, isFault } from "./deaths.mjs";
import { prepareEngine, readyEngine } from "./engine.mjs";
import { Interrupted, SetupError } from "./errors.mjs";
import { launch } from "./launch.mjs";
import { withLock } from "./lock.mjs";
import { installPackages, packagesReady } from "./packages.mjs";
import { cacheFolder, project } from "./paths.mjs";
import { outliveReaders, say } from "./progress.mjs";
import { suspect } from "./sealed.mjs";

/**
 * Does what is missing; nothing, and without the lock, when all is there.
 *
 * @param {boolean} verify Whether to read the engine's files, too, and make damaged ones anew.
 */
async function setUp(verify) {
  if (!verify && packagesReady()) {
    const ready = readyEngine();
    if (ready) return ready;
  }
  return interruptible(() =>
    withLock(join(cacheFolder(), "setup.lock"), async () => {
      await installPackages();
      return prepareEngine(verify);
    }),
  );
}

/** Errors of a folder that is the wrong one, and not only full. */
const UNWRITABLE = ["EACCES", "EROFS", "EPERM", "ENOENT", "ENOTDIR", "EEXIST"];

/** The error in words, for what the file system says; undefined for a fault of this program. */
function diskError({ code, path, message }) {
  const full = code === "ENOSPC" || code === "EDQUOT";
  if (!full && !UNWRITABLE.includes(code)) return undefined;
  // Packages and the link to the engine lie in the project, wherever the cache is.
  if (path?.startsWith(project)) {
    const remedy = full ? "free some space" : "make it writable, or let its owner run the same command once";
    return new SetupError(message, remedy, full ? 1 : 2);
  }
  const what = full ? "free some space" : "make it writable";
  const remedy = `${what}, or put the cache elsewhere: set SCORESTREAM_CACHE to a folder (now ${cacheFolder()})`;
  return new SetupError(message, remedy, full ? 1 : 2);
}

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
  const known = diskError(error);
  if (!known) throw error;
  return report(known);
}

/** Sets where XLA finds its assembler for GPUs; the user's own setting stays. */
function xlaTools({ engine, libraries }, env = process.env) {
  if (env.SCORESTREAM_XLA !== "1" || engine !== "cuda" || env.XLA_FLAGS) return {};
  return { XLA_FLAGS: `--xla_gpu_cuda_data_dir=${join(libraries, "nvidia/cuda_nvcc")}` };
}

/**
 * Sets up and runs a program.
 *
 * @param {string[]} argv Program and its arguments; empty only sets up.
 */
export async function main([program, ...given]) {
  outliveReaders();
  // npm asks for "--" before options, and takes it away; Deno hands it on.
  const separator = given.indexOf("--");
  const args = separator < 0 ? given : given.toSpliced(separator, 1);
  try {
    const prepared = await setUp(program === undefined);
    const about = banner(prepared);
    if (about) process.stderr.write(about);
    if (program === undefined) return say(`ready, engine: ${prepared.engine}`);
    const engine = prepared.engine === "wasm" ? { SCORESTREAM_ENGINE: "wasm" } : {};
    const environment = { ...engine, ...xlaTools(prepared), SCORESTREAM_SETUP: JSON.stringify(prepared) };
    const end = await launch(program, args, environment);
    process.exitCode = end.code;
    const text = deathText(end);
    if (text) say(text);
    if (isFault(end) && prepared.libraries) suspect(prepared.libraries);
  } catch (error) {
    process.exitCode = report(error);
  }
}
