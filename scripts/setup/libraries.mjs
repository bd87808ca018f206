/** The TensorFlow libraries in the cache folder. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { run, tail } from "./child.mjs";
import { downloadWheels } from "./download.mjs";
import { SetupError } from "./errors.mjs";
import { cacheFolder } from "./paths.mjs";
import { megabytes, step } from "./progress.mjs";
import { seal } from "./sealed.mjs";
import { inPlace } from "./temporary.mjs";
import { TENSORFLOW } from "./wheels.mjs";

const unpacker = fileURLToPath(new URL("unpack.py", import.meta.url));
const HEADERS = ["c/c_api.h", "c/eager/c_api.h", "c/tf_datatype.h", "c/tf_status.h", "c/tf_tensor.h"]
  .concat("core/platform/ctstring_internal.h", "core/util/work_sharder.h")
  .concat(["op.h", "op_kernel.h", "shape_inference.h"].map((name) => `core/framework/${name}`))
  .map((name) => `tensorflow/${name}`);

/** Folder of a build's libraries, named by everything they depend on. */
export function librariesFolder(build) {
  const made = JSON.stringify([build.wheels, HEADERS, ...(build.links ? [build.links] : [])]);
  const hash = createHash("sha256").update(made).update(readFileSync(unpacker)).digest("hex");
  return join(cacheFolder(), "tensorflow", `${TENSORFLOW}-${build.key}-${hash.slice(0, 12)}`);
}

function checkDisk(folder, needed) {
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize >= needed) return;
  throw new SetupError(
    `${folder} has ${megabytes(bavail * bsize)} free, setting TensorFlow up takes ${megabytes(needed)}`,
    "free some space, or put the cache on another disk: SCORESTREAM_CACHE=DIR",
  );
}

/** Removes the symbols only debuggers read: a quarter of the size. Apple's linker signs libraries, so theirs stay. */
async function strip(folder) {
  if (process.platform !== "linux") return;
  const libraries = readdirSync(folder).filter((name) => name.includes(".so"));
  const { code, output } = await run(["strip", "--strip-unneeded", ...libraries.map((name) => join(folder, name))]);
  // Without binutils the libraries work as they are, only larger; a strip cut off by a full disk must not pass.
  if (code !== 0 && code !== null) throw new SetupError(`strip failed:\n  ${tail(output)}`, "free some disk space");
}

/**
 * Provides the libraries and headers of a build in `folder`.
 *
 * @throws SetupError when a tool fails or the disk is too small.
 */
export async function provideLibraries({ python }, build, folder) {
  const downloads = join(cacheFolder(), "downloads", basename(folder));
  mkdirSync(cacheFolder(), { recursive: true });
  checkDisk(cacheFolder(), existsSync(downloads) ? build.disk - build.download : build.disk);
  const wheels = await downloadWheels(python, build, downloads);
  await step("unpacking its libraries", () =>
    inPlace(folder, async (temporary) => {
      const { code, output } = await run([...python, "-I", unpacker, temporary, HEADERS.join(), ...wheels]);
      if (code !== 0) {
        throw new SetupError(
          `the wheels could not be unpacked:\n  ${tail(output)}`,
          `check the disk, delete ${downloads}`,
        );
      }
      await strip(join(temporary, "tensorflow"));
      for (const [path, target] of Object.entries(build.links ?? {})) symlinkSync(target, join(temporary, path));
      await seal(temporary);
    }),
  );
  rmSync(downloads, { recursive: true, force: true });
}
