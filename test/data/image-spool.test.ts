import { appendFileSync, existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ImageSpool } from "../../src/data/image-spool.ts";
import { temporaryFolder } from "../cli/fixture.ts";

const shape = [2, 1, 3] as const;
const images = (count: number, first = 0) => Uint8Array.from({ length: 6 * count }, (_, i) => 6 * first + i);
const contents = (spool: ImageSpool, count?: number) => [...spool.read(count)].map((piece) => [...piece]);

describe("ImageSpool", () => {
  const work = { seed: 1 };

  it("gives back all images in order, also when it is opened again, in pieces as asked", () => {
    const path = join(temporaryFolder(), "partial");
    const spool = new ImageSpool(path, work, shape);
    expect([spool.images, spool.batches]).toEqual([0, 0]);
    spool.append(images(2));
    spool.append(images(3, 2));
    for (const each of [spool, new ImageSpool(path, work, shape)]) {
      expect([each.images, each.batches]).toEqual([5, 2]);
      expect(contents(each)).toEqual([[...images(5)]]);
      expect(contents(each, 2)).toEqual([[...images(2)], [...images(2, 2)], [...images(1, 4)]]);
    }
  });

  it("drops bytes of a batch that was not finished", () => {
    const path = join(temporaryFolder(), "partial");
    new ImageSpool(path, work, shape).append(images(2));
    appendFileSync(`${path}.bin`, "half a batch");
    const spool = new ImageSpool(path, work, shape);
    spool.append(images(1, 2));
    expect(contents(spool)).toEqual([[...images(3)]]);
  });

  it("starts anew for other work, and when bytes are missing", () => {
    const path = join(temporaryFolder(), "partial");
    new ImageSpool(path, work, shape).append(images(2));
    expect(new ImageSpool(path, { seed: 2 }, shape).images).toBe(0);
    const spool = new ImageSpool(path, work, shape);
    spool.append(images(2));
    truncateSync(`${path}.bin`, 11);
    const again = new ImageSpool(path, work, shape);
    expect(again.damage).toBe(`${path}.bin: batch 1 is damaged`);
    expect([again.images, again.batches]).toEqual([0, 0]);
    again.append(images(1));
    expect(contents(again)).toEqual([[...images(1)]]);
  });

  it("drops batches from the first on of which a bit has changed", () => {
    const path = join(temporaryFolder(), "partial");
    const spool = new ImageSpool(path, work, shape);
    for (const first of [0, 2, 4]) spool.append(images(2, first));
    const there = readFileSync(`${path}.bin`);
    there[17]! ^= 4;
    writeFileSync(`${path}.bin`, there);
    const again = new ImageSpool(path, work, shape);
    expect([again.images, again.batches, again.damage]).toEqual([2, 1, `${path}.bin: batch 2 is damaged`]);
    again.append(images(4, 2));
    expect(contents(new ImageSpool(path, work, shape))).toEqual([[...images(6)]]);
  });

  it("tells when its file became shorter, rather than give pixels that nobody drew", () => {
    const path = join(temporaryFolder(), "partial");
    const spool = new ImageSpool(path, work, shape);
    spool.append(images(3));
    truncateSync(`${path}.bin`, 17);
    expect(() => contents(spool)).toThrow(`${path}.bin: it became shorter while it was read`);
  });

  it("refuses a part of an image, and removes its files", () => {
    const folder = temporaryFolder();
    const spool = new ImageSpool(join(folder, "partial"), work, shape);
    expect(() => spool.append(new Uint8Array(7))).toThrow(/7 bytes are not/);
    spool.append(images(1));
    spool.remove();
    expect(readdirSync(folder)).toEqual([]);
    spool.remove();
    expect(existsSync(folder)).toBe(true);
  });
});
