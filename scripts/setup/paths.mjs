/** The places of files and folders. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { SetupError } from "./errors.mjs";

/** The checkout, or the installed package, this script belongs to. */
export const project = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/** True in an installed package, which has no lock file; false in a checkout. */
export const installed = !existsSync(join(project, "package-lock.json"));

/** Packages: all of them in a checkout; in an installed package, the one that the set-up fetches. */
export const modules = join(project, "node_modules");

/** The package whose native part the engine step provides. */
export const tfjs = join(modules, "@tensorflow/tfjs-node-gpu");

/** Path at which that package looks for the addon. */
export const bindingLink = join(tfjs, "lib/napi-v8/tfjs_binding.node");

/** @throws SetupError where this user has none. */
function homeFolder() {
  let home = "";
  try {
    home = homedir();
  } catch {
    // Neither HOME nor an entry of this user.
  }
  if (home) return home;
  throw new SetupError(
    "there is no folder for the cache: HOME is unset and this user has no home folder",
    "set SCORESTREAM_CACHE to a folder that you can write to",
    2,
  );
}

/** `SCORESTREAM_CACHE`, else `scorestream` in the user's cache folder; outside node_modules, which `npm ci` empties. */
export function cacheFolder(env = process.env) {
  return resolve(env.SCORESTREAM_CACHE || join(env.XDG_CACHE_HOME || join(homeFolder(), ".cache"), "scorestream"));
}
