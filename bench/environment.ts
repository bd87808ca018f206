/** The peers' Python environment: a venv in the cache folder, made once. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { UsageError } from "../src/base/errors.ts";

/** The pinned packages. */
export const REQUIREMENTS = join(dirname(fileURLToPath(import.meta.url)), "peers", "requirements.txt");
/** The Python that the pinned wheels are known to have been published for. */
const PYTHON = "python3.11";

function run(file: string, args: readonly string[]): void {
  const { status, error } = spawnSync(file, args, { stdio: ["ignore", 2, 2] });
  if (status === 0) return;
  throw new UsageError(
    `${[file, ...args].join(" ")} failed${error ? `: ${error.message}` : ""}`,
    `the peers need ${PYTHON} with venv, 8 GB of disk and a way to PyPI`,
  );
}

/**
 * Installs the pinned packages unless that is done, and returns the environment's Python.
 *
 * @throws UsageError when that fails.
 */
export function preparePeers(cache: string): string {
  const folder = join(cache, "peers");
  const python = join(folder, "bin/python");
  const marker = join(folder, "installed.txt");
  const wanted = readFileSync(REQUIREMENTS, "utf8");
  if (existsSync(marker) && readFileSync(marker, "utf8") === wanted) return python;
  console.error(`bench: installing the peers into ${folder} (7 GB, a few minutes, once)`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  run(PYTHON, ["-m", "venv", folder]);
  run(python, ["-m", "pip", "install", "--quiet", "--no-input", "--requirement", REQUIREMENTS]);
  writeFileSync(marker, wanted);
  return python;
}
