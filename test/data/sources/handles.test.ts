import { existsSync, mkdirSync, readdirSync, readlinkSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { openArrays } from "../../../src/data/sources/arrays.ts";
import { openArrow } from "../../../src/data/sources/arrow.ts";
import { openEach } from "../../../src/data/sources/bad-data.ts";
import { openCelebA } from "../../../src/data/sources/celeba.ts";
import { openParquet } from "../../../src/data/sources/parquet.ts";
import type { SourceOptions } from "../../../src/data/sources/options.ts";
import type { Source } from "../../../src/data/sources/source.ts";
import { openSvhn } from "../../../src/data/sources/svhn.ts";
import { openTfRecords } from "../../../src/data/sources/tfrecords.ts";
import { damaged, readAll, temporaryFolder } from "./fixture.ts";

/** How often a file is open in this process, as Linux tells it. */
function timesOpen(path: string): number {
  const target = realpathSync(path);
  const links = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return "";
    }
  });
  return links.filter((link) => link === target).length;
}

/** Streams close their files by a thread of the system, some turns later. */
async function expectClosed(path: string): Promise<void> {
  for (let turn = 0; turn < 10_000 && timesOpen(path) > 0; turn++) await setImmediate();
  expect(timesOpen(path)).toBe(0);
}

type Open = (options: SourceOptions) => Promise<Source>;
const whole = (bytes: Buffer) => bytes;

describe.runIf(existsSync("/proc/self/fd"))("a reader", () => {
  it.each<[string, Open, string?]>([
    ["grey.npy", openArrays],
    ["packed.npz", openArrays],
    ["stored.npz", openArrays],
    ["hub.arrow", openArrow],
    ["pixels.arrow", openArrow],
    ["train-00000-of-00001.parquet", openParquet],
    ["ffhq-r02.tfrecords", openTfRecords],
    ["test_32x32.mat", openSvhn, "test"],
  ])("closes %s at the end, when it is left before, and when it is damaged", async (name, open, split = "train") => {
    const path = damaged(name, whole);
    const source = await open({ path, split });
    await expectClosed(path);
    await readAll(source);
    await expectClosed(path);
    for await (const entry of source.entries()) {
      expect(entry.name).toContain(path);
      expect(timesOpen(path)).toBeLessThanOrEqual(1);
      break;
    }
    await expectClosed(path);
    const cut = damaged(name, (bytes) => bytes.subarray(0, bytes.length >> 1));
    await open({ path: cut, split }).then(readAll, () => []);
    await expectClosed(cut);
  });

  it("closes CelebA's partition when it is left before its end", async () => {
    const path = temporaryFolder();
    const partition = join(path, "list_eval_partition.txt");
    mkdirSync(join(path, "img_align_celeba"));
    // More entries than are read ahead, and more lines than a stream reads at once.
    writeFileSync(partition, Array.from({ length: 20_000 }, (_, i) => `${i}.jpg ${i < 600 ? 0 : 1}\n`).join(""));
    const source = await openCelebA({ path, split: "train" });
    await expectClosed(partition);
    for await (const entry of source.entries()) {
      expect(entry.name).toMatch(/0\.jpg$/);
      break;
    }
    await expectClosed(partition);
  });

  it("closes an array whose header it does not take", async () => {
    const path = damaged("grey.npy", (bytes) =>
      Buffer.from(bytes.toString("latin1").replace("False", "True "), "latin1"),
    );
    await expect(openArrays({ path, split: "train" })).rejects.toThrow("in Fortran order");
    await expectClosed(path);
  });
});

it("opens a part of many files at once, and gives them in order", async () => {
  let [now, most] = [0, 0];
  const paths = Array.from({ length: 1000 }, (_, i) => String(i));
  const open = async (path: string) => {
    most = Math.max(most, ++now);
    await setImmediate();
    now--;
    return path;
  };
  expect(await openEach(paths, open)).toEqual(paths);
  expect(most).toBeLessThan(200);
});
