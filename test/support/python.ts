/** Python packages from PyPI, as real counterparts in tests. */
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, renameSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../../src/cli/environment.ts";

export interface Python {
  readonly file: string;
  /** Finds the packages. */
  readonly env: NodeJS.ProcessEnv;
  /** Runs a program given as text. */
  run(program: string, ...args: readonly string[]): SpawnSyncReturns<string>;
}

/**
 * Python with the pinned packages, which are installed once into the cache folder.
 *
 * @param requirements As `pyarrow==21.0.0`.
 * @throws Error with what pip said.
 */
export function pythonWith(...requirements: readonly string[]): Python {
  const file = "python3";
  const cache = join(cacheFolder(process.env), "test-python");
  const folder = join(cache, createHash("sha256").update(requirements.join("\n")).digest("hex").slice(0, 12));
  if (!existsSync(folder)) {
    mkdirSync(cache, { recursive: true });
    const partial = mkdtempSync(join(cache, "partial-"));
    const install = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"];
    const { status, stderr } = spawnSync(file, [...install, "--target", partial, ...requirements], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`pip cannot install ${requirements.join(" ")}: ${stderr}`);
    renameSync(partial, folder);
  }
  const env = { ...process.env, PYTHONPATH: folder };
  return {
    file,
    env,
    run: (program, ...args) => spawnSync(file, ["-c", program, ...args], { encoding: "utf8", env }),
  };
}
