import { readdirSync, readlinkSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { OpenFiles } from "../../../src/data/prepare/open-files.ts";
import { temporaryFolder } from "./fixture.ts";

/** Files of ten bytes, all of the file's number. */
function written(count: number): string[] {
  const folder = temporaryFolder();
  return Array.from({ length: count }, (_, i) => {
    const path = join(folder, String(i));
    writeFileSync(path, new Uint8Array(10).fill(i));
    return path;
  });
}

/** How many of the files this process has open. */
const openOf = (paths: readonly string[]) =>
  readdirSync("/proc/self/fd").filter((file) => {
    try {
      return paths.includes(readlinkSync(join("/proc/self/fd", file)));
    } catch {
      return false;
    }
  }).length;

describe("OpenFiles", () => {
  it.runIf(process.platform === "linux")("closes all of them", async () => {
    const paths = written(3);
    const files = new OpenFiles();
    for (const path of paths) await files.read(path, new Uint8Array(1), 0);
    expect(openOf(paths)).toBe(3);
    files.close();
    expect(openOf(paths)).toBe(0);
  });

  it("keeps no more open than it may", async () => {
    const paths = written(6);
    const files = new OpenFiles(2);
    for (const [i, path] of paths.entries()) {
      const out = new Uint8Array(4);
      expect(await files.read(path, out, 3)).toBe(4);
      expect([...out]).toEqual([i, i, i, i]);
      expect(files.size).toBeLessThanOrEqual(2);
    }
    expect(files.get(paths[5]!)).toBe(files.get(paths[5]!));
    files.close();
  });

  it("closes no file that is being read", async () => {
    const paths = written(40);
    const files = new OpenFiles(1);
    const outs = paths.map(() => new Uint8Array(10));
    const reads = paths.map((path, i) => files.read(path, outs[i]!, 0));
    files.close();
    const more = paths.map((path, i) => files.read(path, outs[i]!, 0));
    await Promise.all([...reads, ...more]);
    expect(outs.map((out) => [...new Set(out)])).toEqual(paths.map((_, i) => [i]));
    expect(files.size).toBeLessThanOrEqual(1);
    files.close();
    expect(files.size).toBe(0);
  });

  it("gives fewer bytes at the end of a file", async () => {
    const [path] = written(1);
    const files = new OpenFiles();
    expect(await files.read(path!, new Uint8Array(8), 6)).toBe(4);
    files.close();
  });

  it("do not mix a file with another that was written in its place meanwhile", async () => {
    const paths = written(2);
    const files = new OpenFiles(1);
    const first = async (i: number) => {
      const out = new Uint8Array(1);
      await files.read(paths[i]!, out, 0);
      return out[0];
    };
    expect([await first(0), await first(1), await first(0), await first(1)]).toEqual([0, 1, 0, 1]);
    writeFileSync(`${paths[0]}.new`, new Uint8Array(10).fill(7));
    utimesSync(`${paths[0]}.new`, 1e9, 1e9);
    renameSync(`${paths[0]}.new`, paths[0]!);
    const message = `${paths[0]} was written anew while it was in use`;
    await expect(first(0)).rejects.toThrow(message);
    expect(() => files.get(paths[0]!)).toThrow(message);
    expect(await first(1)).toBe(1);
    files.close();
  });
});
