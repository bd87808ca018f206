/** Files that other programs wrote (fixtures/make.py), what is in them, and ways to damage them. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { BadDataError } from "../../../src/data/sources/bad-data.ts";
import type { Picture, Source } from "../../../src/data/sources/source.ts";

export const fixtures = fileURLToPath(new URL("fixtures", import.meta.url));
export const fixture = (name: string) => join(fixtures, name);

/** An empty folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "scorestream-data-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A folder with copies of fixtures. */
export function folderWith(...names: string[]): string {
  const folder = temporaryFolder();
  for (const name of names) copyFileSync(fixture(name), join(folder, name));
  return folder;
}

/** A fixture with its bytes changed, in a folder of its own. */
export function damaged(name: string, change: (bytes: Buffer) => Uint8Array, as = name): string {
  const path = join(temporaryFolder(), as);
  writeFileSync(path, change(Buffer.from(readFileSync(fixture(name)))));
  return path;
}

/** One byte of a buffer turned over. */
export function flipByte(bytes: Buffer, at: number): Buffer {
  bytes[at]! ^= 0xff;
  return bytes;
}

/** Image i of the fixtures, [H, W, C]: the same function as in make.py. */
export function pattern(i: number, height: number, width: number, channels: number): number[] {
  const out: number[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) out.push((37 * i + 5 * y + 3 * x + 85 * c + x * y) % 256);
    }
  }
  return out;
}

export interface Read {
  readonly name: string;
  readonly label: number | undefined;
  /** [H, W, C] */
  readonly shape?: readonly number[];
  readonly data?: number[];
  readonly bad?: BadDataError;
}

/** Everything a source gives, bad entries included. */
export async function readAll(source: Source): Promise<Read[]> {
  const all: Read[] = [];
  for await (const entry of source.entries()) {
    const { name, label } = entry;
    try {
      const { data, shape }: Picture = await entry.load();
      all.push({ name, label, shape, data: Array.from(data) });
    } catch (error) {
      if (!(error instanceof BadDataError)) throw error;
      all.push({ name, label, bad: error });
    }
  }
  return all;
}

/** What the fixtures hold: images `from` on of the pattern, with their labels. */
export const expected = (labels: readonly (number | undefined)[], shape: readonly [number, number, number], from = 0) =>
  labels.map((label, i) => ({ label, shape: [...shape], data: pattern(from + i, ...shape) }));

export const withoutNames = (all: readonly Read[]) => all.map(({ name: _, ...rest }) => rest);
export const badOf = (all: readonly Read[]) => all.flatMap(({ bad }) => (bad ? [bad] : []));
