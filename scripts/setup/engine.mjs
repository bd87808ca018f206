/** The engine step: provides the best engine this machine can have, and says why it is not a better one. */
import { addonIn, bindingFolder, compileBinding, link, linked } from "./binding.mjs";
import { SetupError } from "./errors.mjs";
import { librariesFolder, provideLibraries } from "./libraries.mjs";
import { buildFor, checkLibc, hasNvidiaGpu, wantedEngine } from "./machine.mjs";
import { installPrebuilt } from "./prebuilt.mjs";
import { isComplete, isSuspect, removeDamaged } from "./sealed.mjs";
import { findTools } from "./tools.mjs";

/**
 * The result of the engine step; handed to the program as JSON.
 *
 * @typedef {object} Prepared
 * @property {"cpu" | "cuda" | "prebuilt" | "wasm"} engine
 * @property {string} wanted Value of `SCORESTREAM_ENGINE`.
 * @property {boolean} gpu True when an NVIDIA GPU was found.
 * @property {string} [libraries] Folder of the TensorFlow libraries.
 * @property {string} [binding] Folder of the addon.
 * @property {string[]} reasons Reasons why a better engine could not be had.
 */

const ASKED_FOR_WASM = ["SCORESTREAM_ENGINE=wasm asks for it"];

const isReady = (libraries, binding) => linked(addonIn(binding)) && isComplete(libraries) && isComplete(binding);

/** The engines to try, best first. */
function candidates(wanted, gpu) {
  if (wanted !== "auto") return [wanted];
  return gpu ? ["cuda", "cpu", "wasm"] : ["cpu", "wasm"];
}

async function provideNative(engine, verify) {
  const build = buildFor(engine === "cuda");
  const libraries = librariesFolder(build);
  const binding = bindingFolder(libraries);
  if (verify || isSuspect(libraries)) {
    // A binding is in doubt with its libraries.
    await removeDamaged(binding);
    await removeDamaged(libraries);
  }
  if (!isReady(libraries, binding)) {
    checkLibc();
    const tools = isComplete(libraries) && isComplete(binding) ? undefined : await findTools();
    if (!isComplete(libraries)) await provideLibraries(tools, build, libraries);
    if (!isComplete(binding)) await compileBinding(tools, libraries, binding);
    link(addonIn(binding));
  }
  return { libraries, binding };
}

async function provide(engine, gpu, verify) {
  if (engine === "cpu" || engine === "cuda") return provideNative(engine, verify);
  if (engine === "prebuilt") await installPrebuilt(gpu);
  return {};
}

/**
 * Finds an engine that is already in place, without changing anything.
 *
 * @returns {Prepared | undefined} Undefined when there is something to do.
 */
export function readyEngine() {
  const wanted = wantedEngine();
  if (wanted === "prebuilt") return undefined;
  const gpu = hasNvidiaGpu();
  if (wanted === "wasm") return { engine: wanted, wanted, gpu, reasons: ASKED_FOR_WASM };
  const [engine] = candidates(wanted, gpu);
  try {
    const libraries = librariesFolder(buildFor(engine === "cuda"));
    const binding = bindingFolder(libraries);
    return isReady(libraries, binding) ? { engine, wanted, gpu, libraries, binding, reasons: [] } : undefined;
  } catch {
    return undefined; // the step itself names what is wrong
  }
}

/**
 * Provides an engine.
 *
 * @param {boolean} verify Whether to read all files of one that is in place.
 * @returns {Promise<Prepared>}
 * @throws SetupError when the one engine the user asked for cannot be had.
 */
export async function prepareEngine(verify) {
  const wanted = wantedEngine();
  const gpu = hasNvidiaGpu();
  const reasons = wanted === "wasm" ? [...ASKED_FOR_WASM] : [];
  for (const engine of candidates(wanted, gpu)) {
    try {
      return { engine, wanted, gpu, ...(await provide(engine, gpu, verify)), reasons };
    } catch (error) {
      if (!(error instanceof SetupError) || wanted !== "auto") throw error;
      if (!reasons.includes(error.text)) reasons.push(error.text);
    }
  }
  throw new Error("WebAssembly needs nothing and cannot fail");
}
