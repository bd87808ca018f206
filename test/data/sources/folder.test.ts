import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openCelebA } from "../../../src/data/sources/celeba.ts";
import { openFolder } from "../../../src/data/sources/folder.ts";
import { badOf, fixture, readAll, temporaryFolder } from "./fixture.ts";

/** Copies one image to all these names. */
function images(...names: string[]): string {
  const folder = temporaryFolder();
  for (const name of names) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    copyFileSync(fixture("colour.png"), join(folder, name));
  }
  return folder;
}

const open = (path: string, more = {}) => openFolder({ path, split: "train", ...more });
const namesOf = async (path: string, more = {}) =>
  (await readAll(await open(path, more))).map(({ name }) => name.slice(path.length + 1));

describe("openFolder", () => {
  it("finds images in folders, in an order that is the same everywhere", async () => {
    const folder = images("b.png", "B.png", "a10.png", "a9.png", "y/1.png", "x/deep/2.PNG", ".hidden.png", ".h/3.png");
    writeFileSync(join(folder, "notes.txt"), "no image");
    expect((await open(folder)).length).toBe(6);
    expect(await namesOf(folder)).toEqual(["B.png", "a10.png", "a9.png", "b.png", "x/deep/2.PNG", "y/1.png"]);
  });

  it("takes folders for classes", async () => {
    const folder = images("cat/1.png", "dog/1.png", "cat/more/2.png");
    const source = await open(folder, { labels: "folders" });
    expect(source).toMatchObject({ classes: 2, classNames: ["cat", "dog"] });
    expect((await readAll(source)).map(({ label }) => label)).toEqual([0, 0, 1]);
    copyFileSync(fixture("colour.png"), join(folder, "loose.png"));
    await expect(open(folder, { labels: "folders" })).rejects.toThrow(/loose\.png: it is in no folder of a class/);
  });

  it("reads the folder of the split where there is one", async () => {
    const folder = images("train/1.png", "test/2.png");
    expect(await namesOf(folder, { split: "test" })).toEqual(["test/2.png"]);
    expect(await namesOf(folder, { split: "other" })).toEqual(["test/2.png", "train/1.png"]);
  });

  it("does not follow links to folders round in circles", async () => {
    const folder = images("1.png");
    symlinkSync(folder, join(folder, "loop"));
    expect(await namesOf(folder)).toEqual(["1.png"]);
  });

  it("names a bad image and goes on", async () => {
    const folder = images("1.png", "3.png");
    writeFileSync(join(folder, "2.png"), "no image");
    const all = await readAll(await open(folder, { size: 8 }));
    expect(all.map(({ shape }) => shape)).toEqual([[8, 8, 3], undefined, [8, 8, 3]]);
    expect(badOf(all)[0]!.message).toMatch(/2\.png: it cannot be decoded.*\n.*--skip-bad/);
  });

  it("says that there is nothing", async () => {
    await expect(open(temporaryFolder())).rejects.toThrow(/no images in it/);
    await expect(open(fixture("colour.png"))).rejects.toThrow(/is not a folder/);
  });
});

describe("openCelebA", () => {
  it("reads the form of Kaggle", async () => {
    const folder = images("img_align_celeba/img_align_celeba/000001.jpg", "img_align_celeba/img_align_celeba/2.jpg");
    writeFileSync(join(folder, "list_eval_partition.csv"), "image_id,partition\n000001.jpg,0\n2.jpg,2\n");
    const all = await readAll(await openCelebA({ path: folder, split: "test", crop: 20 }));
    expect(all.map(({ name }) => name)).toEqual([join(folder, "img_align_celeba/img_align_celeba/2.jpg")]);
  });

  it("reads the split of the partition, cropped", async () => {
    const folder = images("img_align_celeba/000001.jpg", "img_align_celeba/000002.jpg");
    writeFileSync(join(folder, "list_eval_partition.txt"), "000001.jpg 0\n000002.jpg 1\n../escape.jpg 1\n");
    const source = await openCelebA({ path: folder, split: "validation", crop: 20, size: 10 });
    expect(source.length).toBe(1);
    const all = await readAll(source);
    expect(all.map(({ name, shape }) => [name, shape])).toEqual([
      [join(folder, "img_align_celeba/000002.jpg"), [10, 10, 3]],
    ]);
    await expect(openCelebA({ path: fixture(""), split: "train" })).rejects.toThrow(
      /list_eval_partition\.txt is missing/,
    );
  });
});
