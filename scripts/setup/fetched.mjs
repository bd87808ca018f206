/** In an installed package: the npm package of the engine, which the set-up fetches in npm's place. */
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { run, tail } from "./child.mjs";
import { SetupError } from "./errors.mjs";
import { cacheFolder, project, tfjs } from "./paths.mjs";
import { step } from "./progress.mjs";
import { inPlace } from "./temporary.mjs";

/** Name, version and hash, which the build wrote into package.json. */
const wanted = () => JSON.parse(readFileSync(join(project, "package.json"), "utf8")).scorestream.fetched;

const versionIn = (folder) => {
  const file = join(folder, "package.json");
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).version : undefined;
};

/** True when the package lies where the engine looks for it. */
export const fetchedReady = () => versionIn(tfjs) === wanted().version;

/** Fetches the archive with the user's npm, checks it and unpacks it; nothing of it is run. */
async function unpackInto(temporary, { name, version, integrity }) {
  const spec = `${name}@${version}`;
  const pack = ["npm", "pack", spec, "--pack-destination", ".", "--ignore-scripts", "--loglevel=error"];
  const { code, output } = await run(pack, { cwd: temporary });
  const archive = readdirSync(temporary).find((file) => file.endsWith(".tgz"));
  if (code !== 0 || !archive) {
    throw new SetupError(`npm pack ${spec} failed:\n  ${tail(output)}`, "repair what npm names and repeat the command");
  }
  const path = join(temporary, archive);
  const found = `sha512-${createHash("sha512").update(readFileSync(path)).digest("base64")}`;
  if (found !== integrity) {
    throw new SetupError(
      `${spec} has a wrong hash and was refused`,
      "repeat the command; if it stays so, the package mirror is damaged or tampered with",
    );
  }
  const tar = createRequire(join(project, "package.json"))("tar");
  await tar.extract({ file: path, cwd: temporary, strip: 1 });
  rmSync(path);
}

/**
 * Puts the package into the `node_modules` of this one, by way of the cache.
 *
 * @throws SetupError when npm fails or the hash is not the one of the lock file this was built with.
 */
export async function provideFetched() {
  if (fetchedReady()) return;
  const { name, version, integrity } = wanted();
  const cached = join(cacheFolder(), "packages", `${name.replace(/.*\//, "")}-${version}`);
  if (versionIn(cached) !== version) {
    await step(`fetching ${name} ${version}`, () =>
      inPlace(cached, (temporary) => unpackInto(temporary, { name, version, integrity })),
    );
  }
  mkdirSync(dirname(tfjs), { recursive: true });
  const next = `${tfjs}.${process.pid}`;
  cpSync(cached, next, { recursive: true });
  rmSync(tfjs, { recursive: true, force: true });
  renameSync(next, tfjs);
}
