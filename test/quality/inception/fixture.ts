/** Small Inception networks: of the published forms, with random weights. */
import { mkdtempSync, rmSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { loadInception, type Inception } from "../../../src/quality/inception/inception.ts";
import { pythonWith } from "../../support/python.ts";

/** An empty folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "scorestream-inception-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes `weights.safetensors` and `expected.npz` into the folder, see fid_inception.py. */
export function numpyInception(folder: string): void {
  const { file, env } = pythonWith("numpy==2.3.4");
  const program = fileURLToPath(new URL("fid_inception.py", import.meta.url));
  const { status, stderr } = spawnSync(file, [program, folder], { env, encoding: "utf8" });
  if (status !== 0) throw new Error(`fid_inception.py: ${stderr}`);
}

/** Opens a network that is smaller than the published one. */
export const loadSmall = (path: string, compiled?: boolean): Inception =>
  loadInception(path, { published: false, ...(compiled !== undefined && { compiled }) });
