/** The official prebuilt TensorFlow (2.9.1, CUDA 11.2), fetched by the package's own install script on demand. */
import { existsSync, lstatSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { run, tail } from "./child.mjs";
import { SetupError } from "./errors.mjs";
import { bindingLink, modules, tfjs } from "./paths.mjs";
import { step } from "./progress.mjs";

/** True when the script has done its work: a library, and an addon that is no link into the cache. */
function hasPrebuilt() {
  const addon = lstatSync(bindingLink, { throwIfNoEntry: false });
  return Boolean(addon?.isFile()) && existsSync(join(tfjs, "deps/lib"));
}

/**
 * Puts the prebuilt library and addon into the package.
 *
 * @param {boolean} gpu
 * @throws SetupError when the script fails; it loads from outside the package registries.
 */
export async function installPrebuilt(gpu) {
  if (hasPrebuilt()) return;
  rmSync(bindingLink, { force: true });
  await step("installing the official prebuilt TensorFlow 2.9.1", async () => {
    const env = { ...process.env, PATH: [join(modules, ".bin"), process.env.PATH].join(delimiter) };
    const command = [process.execPath, "scripts/install.js", gpu ? "gpu" : "cpu", "download"];
    const { code, output } = await run(command, { cwd: tfjs, env });
    // The script ends with 0 also when the build it starts has failed.
    if (code === 0 && hasPrebuilt()) return;
    throw new SetupError(
      `the install script of @tensorflow/tfjs-node-gpu failed:\n  ${tail(output)}`,
      "it needs storage.googleapis.com; unset SCORESTREAM_ENGINE to use the TensorFlow wheel instead",
    );
  });
}
