/** The one tfjs instance of the process: the CommonJS build, because tfjs-node requires that one. */
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** TensorFlow.js without an engine; `loadEngine` registers and selects one. */
export const tf = require("@tensorflow/tfjs") as typeof import("@tensorflow/tfjs");
