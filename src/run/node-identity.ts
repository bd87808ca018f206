/** The name of a workdir in runs of several nodes: who comes back with it takes the place of its old self. */
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Within the workdir. */
export const IDENTITY_FILE = ".node";

/** @throws what the file system says when it can be neither read nor written. */
export function nodeIdentity(workdir: string): string {
  const path = join(workdir, IDENTITY_FILE);
  const read = () => readFileSync(path, "utf8").trim();
  const write = (flag: "wx" | "w") =>
    writeFileSync(path, `${randomBytes(16).toString("hex")}\n`, { flag, flush: true });
  try {
    mkdirSync(workdir, { recursive: true });
    write("wx");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    // A machine that stopped at this moment leaves an empty file.
    if (read() === "") write("w");
  }
  return read();
}
