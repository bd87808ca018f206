import { execFileSync } from "node:child_process";
import { closeSync, openSync, truncateSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { temporaryFolder } from "./fixture.ts";

const images = 65_536;
const MiB = 1024 * 1024;

/** An .npy file of 192 MiB, zeros that take no room on the disk. */
function writeLarge(path: string): void {
  const header = `{'descr': '|u1', 'fortran_order': False, 'shape': (${images}, 32, 32, 3), }`.padEnd(117) + "\n";
  const file = openSync(path, "w");
  writeSync(
    file,
    Buffer.concat([Buffer.from("\x93NUMPY\x01\x00", "latin1"), Buffer.from([118, 0]), Buffer.from(header)]),
  );
  closeSync(file);
  truncateSync(path, 128 + images * 3072);
}

it(
  "prepares and shuffles more than the heap may hold, in memory that does not grow with it",
  { timeout: 120_000 },
  () => {
    const folder = temporaryFolder();
    writeLarge(join(folder, "large.npy"));
    const script = fileURLToPath(new URL("large.ts", import.meta.url));
    const limit = "--max-old-space-size=48";
    const runtime = "Deno" in globalThis ? ["run", "-A", `--v8-flags=${limit}`] : ["--import", "tsx", limit];
    const told = execFileSync(process.execPath, [...runtime, script, folder], { encoding: "utf8" });
    const result = JSON.parse(told) as { images: number; sum: number; before: number; peak: number };
    expect(result).toMatchObject({ images, sum: 0 });
    // 192 MiB went through: three shards of 4 MiB, pieces of 1 MiB and what the collector has not yet freed stay.
    expect(result.peak - result.before).toBeLessThan(96);
    expect((images * 3072) / MiB).toBe(192);
  },
);
