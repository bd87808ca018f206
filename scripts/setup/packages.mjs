/** The npm packages, as package-lock.json names them. */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run, tail } from "./child.mjs";
import { SetupError } from "./errors.mjs";
import { fetchedReady, provideFetched } from "./fetched.mjs";
import { installed, modules, project } from "./paths.mjs";
import { step } from "./progress.mjs";

// Inside node_modules: `npm ci` empties that first, so an interrupted install leaves no stamp.
const stamp = join(modules, ".scorestream-installed");
const lockFile = join(project, "package-lock.json");

const textOf = (path) => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
};

const hash = () => createHash("sha256").update(readFileSync(lockFile)).digest("hex");

/** True when the installed packages are those of the lock file. */
export const packagesReady = () => (installed ? fetchedReady() : textOf(stamp) === hash());

/** True when npm itself, called by hand, has installed the packages of the lock file: npm writes this record last. */
function installedByHand() {
  const record = textOf(join(modules, ".package-lock.json"));
  if (!record) return false;
  const installed = JSON.parse(record).packages;
  const wanted = Object.entries(JSON.parse(readFileSync(lockFile, "utf8")).packages).filter(([path]) => path !== "");
  return wanted.every(([path, { version, integrity, optional, peer }]) => {
    const found = installed[path];
    if (!found) return Boolean(optional || peer);
    return found.version === version && found.integrity === integrity;
  });
}

/**
 * Installs the packages when the lock file has changed since the last time.
 *
 * @throws SetupError when npm is missing or fails.
 */
export async function installPackages() {
  if (installed) return provideFetched();
  if (packagesReady()) return;
  if (!installedByHand()) {
    const count = Object.keys(JSON.parse(readFileSync(lockFile, "utf8")).packages).length - 1;
    await step(`installing the npm packages (npm ci, ${count} in the lock file)`, async () => {
      const { code, output } = await run(["npm", "ci", "--no-progress", "--loglevel=error"], { cwd: project });
      if (code === 0) return;
      if (output.includes("ENOENT") && code === null) {
        throw new SetupError("npm is missing", "it comes with Node: install Node from https://nodejs.org");
      }
      throw new SetupError(
        `npm ci failed:\n  ${tail(output)}`,
        "repair what npm names (network, disk space, permissions) and repeat the command",
      );
    });
  }
  writeFileSync(stamp, hash());
}
