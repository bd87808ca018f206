import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { BadFileError } from "./bad-file.ts";

/**
 * Fetches the archive of an npm package with the npm the user has, hence with the user's registry, proxy and cache.
 *
 * @param signal Aborted, it ends npm.
 * @returns The path of the archive.
 * @throws Error with npm's own words when it fails.
 */
export async function npmPack(spec: string, directory: string, signal?: AbortSignal): Promise<string> {
  const words = ["pack", spec, "--pack-destination", ".", "--ignore-scripts", "--loglevel=error"];
  await new Promise<void>((resolve, reject) => {
    // npm is a .cmd file on Windows, which only a shell can start; the words are constants.
    const child = spawn("npm", words, {
      cwd: directory,
      shell: process.platform === "win32",
      stdio: ["ignore", "ignore", "pipe"],
      ...(signal && { signal }),
    });
    let said = "";
    child.stderr.on("data", (text: Buffer) => (said += text.toString()));
    child.on("error", (error) => {
      // One that is ended writes until it closes.
      if (!signal?.aborted) reject(new Error(`npm pack ${spec} cannot be started: ${error.message}`));
    });
    child.on("close", (code) =>
      code === 0 ? resolve() : reject(new Error(`npm pack ${spec} failed: ${brief(said)}`)),
    );
  });
  const archive = (await readdir(directory)).find((name) => name.endsWith(".tgz"));
  if (!archive) throw new Error(`npm pack ${spec} wrote no archive`);
  return join(directory, archive);
}

/** npm's error lines, without its pointer to a log file. */
function brief(said: string): string {
  const lines = said.split("\n").map((line) => line.replace(/^npm (error|ERR!)\s*/, "").trim());
  const useful = lines.filter((line) => line && !/complete log|^npm warn|debug-\d/i.test(line));
  return useful.slice(0, 4).join("; ") || "it gave no reason";
}

/** @throws BadFileError when the archive of a package is not the one that was published. */
export async function checkIntegrity(name: string, archive: string, expected: string): Promise<void> {
  const hash = createHash("sha512");
  for await (const chunk of createReadStream(archive)) hash.update(chunk as Uint8Array);
  const found = `sha512-${hash.digest("base64")}`;
  if (found !== expected) throw new BadFileError(`${name}: its integrity is ${found}, expected ${expected}`);
}
