/** The engine step: provides the best engine this machine can have, and says why it is not a better one. */
import { existsSync } from "node:fs";
import { addonIn, bindingFolder, compileBinding, link, linked } from "./binding.mjs";
import { SetupError } from "./errors.mjs";
import { librariesFolder, librariesReady, provideLibraries } from "./libraries.mjs";
import { buildFor, checkLibc, hasNvidiaGpu, wantedEngine } from "./machine.mjs";
import { installPrebuilt } from "./prebuilt.mjs";
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

const isReady = (libraries, addon) => linked(addon) && librariesReady(libraries);

/** The engines to try, best first. */
function candidates(wanted, gpu) {
  if (wanted !== "auto") return [wanted];
  return gpu ? ["cuda", "cpu", "wasm"] : ["cpu", "wasm"];
}

async function provideNative(engine) {
  const build = buildFor(engine === "cuda");
  const libraries = librariesFolder(build);
  const binding = bindingFolder(libraries);
  const addon = addonIn(binding);
  if (!isReady(libraries, addon)) {
    checkLibc();
    const tools = librariesReady(libraries) && existsSync(addon) ? undefined : await findTools();
    if (!librariesReady(libraries)) await provideLibraries(tools, build, libraries);
    if (!existsSync(addon)) await compileBinding(tools, libraries, binding);
    link(addon);
  }
  return { libraries, binding };
}

async function provide(engine, gpu) {
  if (engine === "cpu" || engine === "cuda") return provideNative(engine);
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
    return isReady(libraries, addonIn(binding)) ? { engine, wanted, gpu, libraries, binding, reasons: [] } : undefined;
  } catch {
    return undefined; // the step itself names what is wrong
  }
}

/**
 * Provides an engine.
 *
 * @returns {Promise<Prepared>}
 * @throws SetupError when the one engine the user asked for cannot be had.
 */
export async function prepareEngine() {
  const wanted = wantedEngine();
  const gpu = hasNvidiaGpu();
  const reasons = wanted === "wasm" ? [...ASKED_FOR_WASM] : [];
  for (const engine of candidates(wanted, gpu)) {
    try {
      return { engine, wanted, gpu, ...(await provide(engine, gpu)), reasons };
    } catch (error) {
      if (!(error instanceof SetupError) || wanted !== "auto") throw error;
      if (!reasons.includes(error.text)) reasons.push(error.text);
    }
  }
  throw new Error("WebAssembly needs nothing and cannot fail");
}
