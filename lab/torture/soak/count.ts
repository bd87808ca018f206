/** Loaded into a program: tells the number of its tensors in a file at SIGUSR2. */
import { writeFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";

const path = process.env["SCORESTREAM_TENSORS"];
if (isMainThread && path !== undefined) {
  process.on("SIGUSR2", () => {
    void import("../../../src/engine/tf.ts").then(({ tf }) => writeFileSync(path, String(tf.memory().numTensors)));
  });
}
