/** Fetches wheels with pip, which knows the user's mirrors, proxies and certificates, and checks their hashes. */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run, tail } from "./child.mjs";
import { SetupError } from "./errors.mjs";
import { sha256 } from "./files.mjs";
import { every, megabytes, say, step } from "./progress.mjs";
import { inPlace } from "./temporary.mjs";

const AGAIN = "repeat the command; if it stays so, the package mirror is damaged or tampered with";

function bytesUnder(folder) {
  try {
    const files = readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name)));
    return files.reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0);
  } catch {
    return 0; // pip moves files about meanwhile
  }
}

const wheelFiles = (folder) => readdirSync(folder).filter((name) => name.endsWith(".whl"));

/** Names of the wheels whose hash is not one of those pinned. */
async function wrongWheels(folder, wheels) {
  const pinned = new Set(wheels.map((wheel) => wheel.sha256));
  const wrong = [];
  for (const name of wheelFiles(folder)) if (!pinned.has(await sha256(join(folder, name)))) wrong.push(name);
  return wrong;
}

async function pipDownload(python, build, folder) {
  const requirements = join(folder, "requirements.txt");
  const lines = build.wheels.map(({ name, version, sha256 }) => `${name}==${version} --hash=sha256:${sha256}\n`);
  writeFileSync(requirements, lines.join(""));
  // pip's own cache would keep a second copy; its temporary folder may be too small.
  const env = { ...process.env, TMPDIR: join(folder, "tmp"), PIP_REQUIRE_VIRTUALENV: "0" };
  mkdirSync(env.TMPDIR);
  const platforms = build.platforms.flatMap((platform) => ["--platform", platform]);
  const target = ["--python-version", build.python, "--implementation", "cp", "--abi", `cp${build.python}`];
  const pure = ["--abi", "none"]; // the nvidia wheels are for any Python
  const quiet = ["--quiet", "--no-input", "--disable-pip-version-check", "--no-cache-dir"];
  const source = ["--no-deps", "--only-binary=:all:", "--require-hashes", "-r", requirements, "-d", folder];
  const stop = every(5, () => {
    // pip copies each wheel at its end, which counts it twice for a moment.
    const bytes = Math.min(bytesUnder(folder), build.download);
    return `${megabytes(bytes)} of ${megabytes(build.download)}`;
  });
  try {
    return await run([...python, "-m", "pip", "download", ...quiet, ...platforms, ...target, ...pure, ...source], {
      env,
    });
  } finally {
    stop();
  }
}

/**
 * Downloads the wheels of a build into `folder`, unless they are there.
 *
 * @returns {Promise<string[]>} Paths of the wheels.
 * @throws SetupError when pip fails or a hash is not the pinned one.
 */
export async function downloadWheels(python, build, folder) {
  if (!existsSync(folder)) {
    await step(`downloading TensorFlow, ${build.name}, ${megabytes(build.download)}`, () =>
      inPlace(folder, async (temporary) => {
        const { code, output } = await pipDownload(python, build, temporary);
        if (code === 0) return;
        const hash = /DO NOT MATCH THE HASHES/i.test(output);
        const why = hash ? "a downloaded wheel has a wrong hash and was refused" : "pip could not download TensorFlow";
        const remedy = hash
          ? AGAIN
          : "check the network, proxy and disk space; pip's settings (PIP_INDEX_URL, PIP_CERT ...) are respected";
        throw new SetupError(`${why}:\n  ${tail(output)}`, remedy);
      }),
    );
  } else say("the wheels are here from last time");
  const wrong = await wrongWheels(folder, build.wheels);
  const found = wheelFiles(folder);
  if (wrong.length === 0 && found.length === build.wheels.length) return found.map((name) => join(folder, name));
  // So that the next call downloads them again.
  rmSync(folder, { recursive: true, force: true });
  const what = wrong.length
    ? `${wrong.join(", ")} has a wrong hash and was refused`
    : `pip brought ${found.length} of ${build.wheels.length} wheels`;
  throw new SetupError(what, AGAIN);
}
