/**
 * Checks the messages with buf: their style, and that clients of every earlier version of them still understand the
 * present one: `npm run check:proto`. The rules stand in `buf.yaml`.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const cwd = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "proto-"));

/** @returns Standard output. Ends the check when the command fails. */
function command(file, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(file, args, { cwd, ...options });
  if (status === 0) return stdout;
  const said = [stdout, stderr].map((text) => String(text ?? "")).join("");
  throw new Error(`${[file, ...args].join(" ")}: ${error?.message ?? `ended with ${status}`}\n${said}`);
}
const git = (...args) => command("git", args);

try {
  command("buf", ["lint"]);
  const commits = git("log", "--format=%H", "--", "proto").toString().trim().split("\n").filter(Boolean);
  if (commits.length === 0)
    throw new Error("the history of proto/ is not here: fetch more of it (git fetch --unshallow)");
  for (const commit of commits) {
    const old = mkdtempSync(join(folder, "old-"));
    command("tar", ["-x", "-C", old], { input: git("archive", commit, "proto") });
    command("buf", ["breaking", "proto", "--config", "buf.yaml", "--against", join(old, "proto")]);
  }
  console.log(`the messages are in style, and compatible with ${commits.length} earlier versions`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
