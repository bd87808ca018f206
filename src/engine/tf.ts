/** The one tfjs instance of the process: the CommonJS build, because tfjs-node requires that one. */
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/**
 * Runs `load` while the runtime does not read source maps: those of tfjs, which nobody here debugs, take 25 MB.
 *
 * Where TypeScript is run by a loader, maps are on for our own files.
 */
export function withoutSourceMaps<T>(load: () => T): T {
  const enabled = process.sourceMapsEnabled;
  if (!enabled) return load();
  process.setSourceMapsEnabled(false);
  try {
    return load();
  } finally {
    process.setSourceMapsEnabled(true);
  }
}

/** TensorFlow.js without an engine; `loadEngine` registers and selects one. */
export const tf = withoutSourceMaps(() => require("@tensorflow/tfjs")) as typeof import("@tensorflow/tfjs");
