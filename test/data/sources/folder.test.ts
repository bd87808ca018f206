import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openCelebA } from "../../../src/data/sources/celeba.ts";
import { openFolder } from "../../../src/data/sources/folder.ts";
import type { SourceEntry } from "../../../src/data/sources/source.ts";
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
    await expect(open(folder, { labels: "folders" })).rejects.toThrow(/loose\.png: the file is not in a class folder/);
  });

  it("reads the folder of the split where there is one", async () => {
    const folder = images("train/1.png", "test/2.png");
    expect(await namesOf(folder, { split: "test" })).toEqual(["test/2.png"]);
    await expect(open(folder, { split: "other" })).rejects.toThrow(/there is no split other; found: train, test\n/);
  });

  it("counts a folder that it may not read as bad data, as lost+found is", async () => {
    const folder = images("a/1.png", "lost+found/2.png");
    chmodSync(folder, 0o755);
    chmodSync(join(folder, "lost+found"), 0);
    const root = process.geteuid?.() === 0;
    // Root may read all.
    if (root) process.seteuid!(65_534);
    try {
      const read = await readAll(await open(folder, { skipBad: true }));
      expect(read.map(({ name, bad }) => [name.slice(folder.length + 1), bad?.reason])).toEqual([
        ["a/1.png", undefined],
        ["lost+found", "this user may not read it (EACCES)"],
      ]);
    } finally {
      if (root) process.seteuid!(0);
      chmodSync(join(folder, "lost+found"), 0o755);
    }
  });

  it("refuses a path that cannot be looked up", async () => {
    const link = join(temporaryFolder(), "link");
    symlinkSync(link, link);
    await expect(open(link)).rejects.toThrow(`${link}: a link to itself (ELOOP)\n  remedy: name the data with --from`);
  });

  it("does not follow links to folders round in circles", async () => {
    const folder = images("1.png");
    symlinkSync(folder, join(folder, "loop"));
    expect(await namesOf(folder)).toEqual(["1.png"]);
  });

  it("follows links to files and to folders, and counts a link to a folder that contains it", async () => {
    const [folder, other] = [images("a/1.png"), images("2.png")];
    symlinkSync(join(other, "2.png"), join(folder, "link.png"));
    symlinkSync(other, join(folder, "b"));
    symlinkSync(folder, join(folder, "a/loop"));
    expect(await namesOf(folder)).toEqual(["link.png", "a/1.png", "b/2.png"]);
    expect((await open(folder)).passedOver).toEqual([
      { reason: "a link to a folder that contains it", count: 1, first: ["loop"] },
    ]);
  });

  it("counts by reason what it does not read", async () => {
    const folder = images("1.png", "2.jfif", "3.jpe", "4.bmp", "5.heic", "6.heic", "Thumbs", ".DS_Store");
    const { length, passedOver } = await open(folder);
    expect(length).toBe(3);
    expect(passedOver).toEqual([
      { reason: ".heic: not read", count: 2, first: expect.arrayContaining(["5.heic", "6.heic"]) as string[] },
      { reason: ".bmp: not read", count: 1, first: ["4.bmp"] },
      { reason: "hidden", count: 1, first: [".DS_Store"] },
      { reason: "without an ending: not read", count: 1, first: ["Thumbs"] },
    ]);
    await expect(open(images("5.heic"))).rejects.toThrow(
      /no images found; passed over: 1 \.heic: not read\n.*convert the images to png; .*avif are read/,
    );
  });

  it("opens regular files only, and tells of one bad image what else cannot be read", async () => {
    const folder = images("good.png");
    symlinkSync("/nowhere/x.png", join(folder, "dead.png"));
    execFileSync("mkfifo", [join(folder, "fifo.png"), join(folder, "fifo")]);
    symlinkSync(join(folder, "fifo.png"), join(folder, "to-fifo.png"));
    symlinkSync("self.png", join(folder, "self.png"));
    writeFileSync(join(folder, "zero.png"), "");
    const source = await open(folder);
    const all = await readAll(source);
    expect(all.filter(({ data }) => data).map(({ name }) => name)).toEqual([join(folder, "good.png")]);
    expect(Object.fromEntries(badOf(all).map(({ where, reason }) => [where.slice(folder.length + 1), reason]))).toEqual(
      {
        "dead.png": "it does not exist, or is a broken link (ENOENT)",
        "fifo.png": "it is not a regular file",
        "self.png": "a link to itself (ELOOP)",
        "to-fifo.png": "it is not a regular file",
        "zero.png": "empty",
      },
    );
    expect(source.passedOver).toMatchObject([{ count: 1, first: ["fifo"] }]);
  });

  it("gives a file that is replaced by a FIFO as bad, and does not wait for it", async () => {
    const folder = images("1.png");
    const { value: entry } = (await (await open(folder)).entries()[Symbol.asyncIterator]().next()) as {
      value: SourceEntry;
    };
    rmSync(join(folder, "1.png"));
    execFileSync("mkfifo", [join(folder, "1.png")]);
    await expect(Promise.resolve(entry.load())).rejects.toThrow(/1\.png: it is not a regular file/);
    rmSync(join(folder, "1.png"));
    mkdirSync(join(folder, "1.png"));
    await expect(Promise.resolve(entry.load())).rejects.toThrow(/1\.png: it is a folder/);
  });

  it("takes names for bytes, in folders and files", async () => {
    const folder = images("plain.png");
    const bytes = (text: string) => Buffer.from(`${folder}/${text}`, "latin1");
    mkdirSync(bytes("Zo\xeb"));
    copyFileSync(fixture("colour.png"), bytes("M\xfcller.png"));
    copyFileSync(fixture("colour.png"), bytes("Zo\xeb/1.png"));
    const all = await readAll(await open(folder, { labels: "none" }));
    expect(badOf(all)).toEqual([]);
    expect(all.map(({ name }) => name.slice(folder.length + 1))).toEqual([
      "M\\xfcller.png",
      "plain.png",
      "Zo\\xeb/1.png",
    ]);
  });

  it("names a bad image and goes on", async () => {
    const folder = images("1.png", "3.png");
    writeFileSync(join(folder, "2.png"), "no image");
    const all = await readAll(await open(folder, { size: 8 }));
    expect(all.map(({ shape }) => shape)).toEqual([[8, 8, 3], undefined, [8, 8, 3]]);
    expect(badOf(all)[0]!.message).toMatch(/2\.png: it cannot be decoded.*\n.*--skip-bad/);
  });

  it("says that there is nothing", async () => {
    await expect(open(temporaryFolder())).rejects.toThrow(/no images found/);
    await expect(open(fixture("colour.png"))).rejects.toThrow(/is not a folder/);
  });
});

describe("openCelebA", () => {
  it("reads the form of Kaggle", async () => {
    const folder = images("img_align_celeba/img_align_celeba/000001.jpg", "img_align_celeba/img_align_celeba/2.jpg");
    writeFileSync(join(folder, "list_eval_partition.csv"), "image_id,partition\n000001.jpg,0\n2.jpg,2\n");
    const found = [join(folder, "img_align_celeba/img_align_celeba/2.jpg")];
    const all = await readAll(await openCelebA({ path: folder, split: "test", crop: 20 }));
    expect(all.map(({ name }) => name)).toEqual(found);
    // Each file may lie in a folder of its name.
    renameSync(join(folder, "list_eval_partition.csv"), join(folder, "a"));
    mkdirSync(join(folder, "list_eval_partition.csv"));
    renameSync(join(folder, "a"), join(folder, "list_eval_partition.csv/list_eval_partition.csv"));
    const inside = await readAll(await openCelebA({ path: folder, split: "test", crop: 20 }));
    expect(inside.map(({ name }) => name)).toEqual(found);
  });

  it("says what is missing where a folder or a file stands in its place", async () => {
    const folder = images("list_eval_partition.txt/1.jpg", "img_align_celeba/1.jpg");
    const opened = () => openCelebA({ path: folder, split: "train" });
    await expect(opened()).rejects.toThrow(/list_eval_partition\.txt is missing\n/);
    rmSync(join(folder, "list_eval_partition.txt"), { recursive: true });
    writeFileSync(join(folder, "list_eval_partition.txt"), "1.jpg 0\n");
    rmSync(join(folder, "img_align_celeba"), { recursive: true });
    writeFileSync(join(folder, "img_align_celeba"), "");
    await expect(opened()).rejects.toThrow(/img_align_celeba is missing\n/);
    const file = join(folder, "list_eval_partition.txt");
    await expect(openCelebA({ path: file, split: "train" })).rejects.toThrow(/is missing\n.*into one folder/);
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
