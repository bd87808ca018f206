/** Runs before each test file: the tests use the engine that the program uses. */
import { loadEngine } from "../../src/engine/load.ts";

await loadEngine();
