import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadCifar10 } from "../../src/data/cifar10/load.ts";
import { UsageError } from "../../src/base/errors.ts";
import { archive, files, images, labels, manifest, writeFiles } from "./cifar10-fixture.ts";

let path: string;
beforeEach(() => (path = mkdtempSync(join(tmpdir(), "cifar10-"))));
afterEach(() => rmSync(path, { recursive: true, force: true }));

const cacheDir = join(tmpdir(), "never-made");
const load = (at = path) => loadCifar10({ path: at, cacheDir }, { manifest, sources: [] });
/** The real loader: the real manifest, the public signature. */
const loadReal = () => loadCifar10({ path, cacheDir });

async function refusal(promise: Promise<unknown>): Promise<UsageError> {
  const error = await promise.then(
    () => expect.unreachable("it was accepted"),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UsageError);
  expect((error as UsageError).exitCode).toBe(2);
  expect((error as UsageError).remedy).toMatch(/cifar-10-binary\.tar\.gz .*data\.path/s);
  return error as UsageError;
}

/** The first file in the official length and layout: labels 0 to 9, all pixels grey. */
function writeOfficialSize(): void {
  const batch = new Uint8Array(30_730_000).fill(128);
  for (let n = 0; n < 10_000; n++) batch[n * 3073] = n % 10;
  writeFileSync(join(path, "data_batch_1.bin"), batch);
}

describe("data.path", () => {
  it.each(["", "cifar-10-batches-bin"])("reads the .bin files in DIR/%s", async (folder) => {
    writeFiles(join(path, folder));
    const { train, test } = await load();
    expect([train.length, test.length]).toEqual([100, 20]);
    expect([train.name, train.split, test.split]).toEqual(["cifar10", "train", "test"]);
    expect(train.shape).toEqual([32, 32, 3]);
    expect(Buffer.compare(train.images, Buffer.concat(images.slice(0, 5)))).toBe(0);
    expect(Buffer.compare(test.images, images[5]!)).toBe(0);
    expect([...train.labels]).toEqual(labels.slice(0, 5).flat());
    expect([...test.labels]).toEqual(labels[5]);
  });

  it("reads the archive, in DIR or named itself", async () => {
    const file = join(path, "cifar-10-binary.tar.gz");
    writeFileSync(file, await archive());
    for (const at of [path, file]) {
      const { train } = await load(at);
      expect(Buffer.compare(train.images, Buffer.concat(images.slice(0, 5)))).toBe(0);
    }
  });

  it("names a missing file", async () => {
    writeFiles(path);
    rmSync(join(path, "data_batch_3.bin"));
    expect((await refusal(load())).message).toContain(`${join(path, "data_batch_3.bin")} is missing`);
  });

  it("says what it found instead", async () => {
    mkdirSync(join(path, "cifar-10-batches-py"));
    expect((await refusal(load())).message).toMatch(/expected data_batch_1\.bin.*found: cifar-10-batches-py/);
    rmSync(join(path, "cifar-10-batches-py"), { recursive: true });
    expect((await refusal(load())).message).toMatch(/found: nothing/);
    expect((await refusal(load(join(path, "none")))).message).toContain(`${join(path, "none")}: there is no such`);
  });

  it("names a truncated file, a label out of range, a wrong hash", async () => {
    writeOfficialSize();
    const wrong = (await refusal(loadReal())).message;
    expect(wrong).toContain(join(path, "data_batch_1.bin"));
    expect(wrong).toMatch(/hash is wrong: sha256 [0-9a-f]{64}, expected cee91656[0-9a-f]{56}\n/);

    truncateSync(join(path, "data_batch_1.bin"), 30_729_999);
    const truncated = (await refusal(loadReal())).message;
    expect(truncated).toContain(`${join(path, "data_batch_1.bin")} is truncated: 30729999 bytes, expected 30730000`);

    const labelled = new Uint8Array(30_730_000);
    labelled[4321 * 3073] = 10;
    writeFileSync(join(path, "data_batch_1.bin"), labelled);
    expect((await refusal(loadReal())).message).toMatch(
      /data_batch_1\.bin: the label of image 4321 is 10, expected 0 to 9/,
    );
  });

  it("sees one flipped bit in the last file", async () => {
    writeFiles(path);
    const bytes = files.get("test_batch.bin")!.slice();
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(join(path, "test_batch.bin"), bytes);
    expect((await refusal(load())).message).toMatch(/test_batch\.bin: its hash is wrong/);
  });

  it("sees files in each other's place", async () => {
    writeFiles(path);
    writeFileSync(join(path, "data_batch_1.bin"), files.get("data_batch_2.bin")!);
    expect((await refusal(load())).message).toMatch(/data_batch_1\.bin: its hash is wrong/);
  });

  it("names an archive that is damaged, cut, or lacks a file", async () => {
    const file = join(path, "cifar-10-binary.tar.gz");
    const whole = await archive();
    for (const length of [whole.length - 9, whole.length >> 1, 1000]) {
      writeFileSync(file, whole.subarray(0, length));
      expect((await refusal(load())).message).toMatch(/cifar-10-binary\.tar\.gz cannot be read: .*unexpected end/);
    }
    writeFileSync(file, "not an archive");
    expect((await refusal(load())).message).toMatch(/cifar-10-binary\.tar\.gz cannot be read: .*header/);
    writeFileSync(file, await archive(new Map([...files].slice(1))));
    expect((await refusal(load())).message).toMatch(/missing in it: data_batch_1\.bin/);
  });

  it("does not touch the cache", async () => {
    writeFiles(path);
    await loadCifar10({ path, cacheDir: join(path, "cache") }, { manifest, sources: [] });
    expect(readdirSync(path)).toEqual([...files.keys()].sort());
  });
});
