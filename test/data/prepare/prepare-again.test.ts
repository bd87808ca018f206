import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ProgressFile } from "../../../src/data/formats/progress-file.ts";
import { prepareAgain } from "../../../src/data/prepare/prepare-again.ts";
import { temporaryFolder } from "../../cli/fixture.ts";

function prepared(from: string) {
  const folder = temporaryFolder();
  const directory = join(folder, "train");
  mkdirSync(directory);
  const options = { size: 64, imageColumn: "picture", transpose: true };
  const work = { format: "folder", split: "train", from, options, files: [], shardBytes: 2 ** 25 };
  return { folder, directory, work };
}

it("names the whole command, which can be run as it is", () => {
  const from = join(temporaryFolder(), "my photos");
  mkdirSync(from);
  const { folder, directory, work } = prepared(from);
  const command = `run npm run data -- prepare --format folder --from '${from}' --out ${folder} --split train --size 64 --image-column picture --transpose --shard-size 32`;
  expect(prepareAgain(directory, work)).toBe(`${command} ; it rebuilds damaged shards`);
  expect(prepareAgain(directory, work, true)).toBe(`${command} --skip-bad ; it rebuilds damaged shards`);
});

it("names no command where the shards have a size that it cannot give", () => {
  const { directory, work } = prepared(temporaryFolder());
  expect(prepareAgain(directory, { ...work, shardBytes: 2 ** 20 + 1 })).toContain("prepare command again");
});

it("takes the command of a damaged manifest from the file of progress", () => {
  const { directory, work } = prepared(temporaryFolder());
  new ProgressFile(join(directory, "shards.jsonl"), work).append({});
  expect(prepareAgain(directory)).toBe(prepareAgain(directory, work));
  writeFileSync(join(directory, "shards.jsonl"), "{");
  expect(prepareAgain(directory)).toContain("run the npm run data -- prepare command again");
});

it("names a format of one's own by its file, and no command where the file is unknown or gone", () => {
  const { directory, work } = prepared(temporaryFolder());
  const file = join(directory, "mine.ts");
  const own = { ...work, format: "table" };
  expect(prepareAgain(directory, { ...own, formatFile: file })).toContain("command again");
  writeFileSync(file, "");
  expect(prepareAgain(directory, { ...own, formatFile: file })).toContain(`prepare --format ${file} --from`);
  expect(prepareAgain(directory, { ...own, formatFile: "" })).toContain("command again");
});

it("names no command that cannot be run here", () => {
  const { directory, work } = prepared("/nowhere/photos");
  const unknown = "copy data of another machine again";
  expect(prepareAgain(directory, work)).toContain(unknown);
  expect(prepareAgain(join(directory, "..", "moved"), { ...work, from: "/" })).toContain(unknown);
});
