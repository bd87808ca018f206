import { existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { describe, expect, it, vi } from "vitest";
import type { Manifest } from "../../../src/data/prepare/manifest.ts";
import { openShards } from "../../../src/data/prepare/open-shards.ts";
import { prepareAgain } from "../../../src/data/prepare/prepare-again.ts";
import { prepare } from "../../../src/data/prepare/prepare.ts";
import type { Catalog } from "../../../src/grpc/flight/catalog.ts";
import { FlightError } from "../../../src/grpc/flight/client.ts";
import { pullDataset, type PullOptions } from "../../../src/grpc/flight/pull.ts";
import { asLayout1, made, temporaryFolder, valuesOf } from "../../data/prepare/fixture.ts";
import { until } from "../fixture.ts";
import { flightClient, flightServer, PATH, prepared } from "./fixture.ts";

type Server = Awaited<ReturnType<typeof flightServer>>;

const into = (server: Pick<Server, "endpoint">, directory: string, options: Partial<PullOptions> = {}) =>
  pullDataset({ client: flightClient(server), path: PATH, directory, backoff: [5, 20], ...options });

const range = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);

/** The files of a folder with their bytes. */
const filesOf = (folder: string) =>
  Object.fromEntries(readdirSync(folder).sort().map((name) => [name, readFileSync(join(folder, name), "base64")])); // prettier-ignore

/** The catalog with another manifest. */
function withManifest(catalog: Catalog, change: (text: string) => string): Catalog {
  const sets = catalog.sets.map((set) => {
    const manifest = JSON.parse(change(JSON.stringify(set.images.manifest))) as typeof set.images.manifest;
    return { ...set, images: { ...set.images, manifest } };
  });
  return { ...catalog, sets, find: () => sets[0]! };
}

describe("pull", () => {
  it("copies a split to shards of the same bytes, which are read as the local ones", async () => {
    const folder = await prepared({ length: 10 });
    const [server, out, done] = [await flightServer([folder]), temporaryFolder(), [] as number[]];
    const { manifest, ...counts } = await into(server, out, { onProgress: (images) => done.push(images) });
    expect({ ...counts, done }).toEqual({ images: 10, kept: 0, done: [4, 8, 10] });
    expect(manifest!.count).toBe(10);
    const { "shards.jsonl": _, ...local } = filesOf(folder);
    expect(filesOf(out)).toEqual(local);
    const shards = await openShards(out);
    expect(Array.from(shards.gather([9, 0, 5]))).toEqual(valuesOf([9, 0, 5]));
    expect(Array.from(shards.labels(range(0, 10)))).toEqual(range(0, 10).map((i) => i % 4));
    shards.close();
  });

  it("copies shards of the layout before, which have the hashes of that manifest", async () => {
    const folder = await prepared({ length: 10 });
    const { "shard-00000.arrow": newer } = filesOf(folder);
    await asLayout1(folder);
    const out = temporaryFolder();
    const { manifest } = await into(await flightServer([folder]), out);
    expect(manifest!.layout).toBeUndefined();
    const copied = filesOf(out);
    expect(copied["shard-00000.arrow"]).toBe(filesOf(folder)["shard-00000.arrow"]);
    expect(copied["shard-00000.arrow"]).not.toBe(newer);
  });

  it("copies images without labels, and not where the files lay that they were made from", async () => {
    const folder = await prepared({ length: 5, labelled: false });
    const path = join(folder, "manifest.json");
    const manifest = JSON.parse(readFileSync(path, "utf8")) as {
      work: { files: object[]; from?: string; formatFile?: string };
      skipped: { first: object[] };
      sha256?: string;
    };
    delete manifest.sha256;
    const home = "/home/somebody/photos.tar";
    manifest.work.files = [{ path: home, bytes: 1, modified: 2 }];
    manifest.work.from = home;
    manifest.work.formatFile = "/home/somebody/format.ts";
    const bad = { reason: "damaged", lost: 1 };
    manifest.skipped.first = [home, `${home}: dir/7.png`, "row 3"].map((where) => ({ ...bad, where }));
    writeFileSync(path, JSON.stringify(manifest));
    const out = temporaryFolder();
    const pulled = await into(await flightServer([folder]), out);
    const { work, skipped } = pulled.manifest!;
    expect(work.files).toEqual([{ path: "photos.tar", bytes: 1, modified: 2 }]);
    // Empty: not known, so that no message tells to prepare from there.
    expect([work.from, work.formatFile]).toEqual(["", ""]);
    expect(skipped.first.map(({ where }) => where)).toEqual(["photos.tar", "photos.tar: dir/7.png", "row 3"]);
    expect(prepareAgain(join("photos", work.split), work)).toContain("copy data of another machine again");
    const shards = await openShards(out);
    expect([shards.labelled, shards.length]).toEqual([false, 5]);
    shards.close();
  });

  it("given again knows a copy whose manifest has the folders of the server, as earlier versions gave them", async () => {
    const folder = await prepared({ length: 5 });
    const { sha256: _, ...manifest } = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as Manifest & {
      sha256: string;
    };
    const text = JSON.stringify({ ...manifest, work: { ...manifest.work, from: "/home/somebody/photos" } });
    writeFileSync(join(folder, "manifest.json"), text);
    const [server, out] = [await flightServer([folder]), temporaryFolder()];
    await into(server, out);
    writeFileSync(join(out, "manifest.json"), text);
    expect(await into(server, out)).toMatchObject({ images: 5, kept: 5 });
  });

  it("given again does nothing; what was lost or damaged since is copied anew", async () => {
    const server = await flightServer([await prepared({ length: 10 })]);
    const out = temporaryFolder();
    await into(server, out);
    const before = filesOf(out);
    expect(await into(server, out)).toMatchObject({ images: 10, kept: 10 });
    rmSync(join(out, "shard-00000.arrow"));
    truncateSync(join(out, "shard-00002.arrow"), 100);
    expect(await into(server, out)).toMatchObject({ images: 10, kept: 4 });
    expect(filesOf(out)).toEqual(before);
  });

  it("stopped, keeps the whole shards and no manifest; given again, goes on there", async () => {
    const server = await flightServer([await prepared({ length: 10 })]);
    const [out, stop] = [temporaryFolder(), new AbortController()];
    const stopped = await into(server, out, { signal: stop.signal, onProgress: () => stop.abort() });
    expect(stopped).toEqual({ images: 4, kept: 0 });
    await expect(openShards(out)).rejects.toThrow("manifest.json is missing");
    expect(await into(server, out)).toMatchObject({ images: 10, kept: 4 });
    expect(existsSync(join(out, ".pull"))).toBe(false);
  });

  it("goes on with the next row when the server is killed in the middle of a shard and comes back", async () => {
    // 79 messages: more than are on their way at once.
    const length = 10_000;
    const block = Uint8Array.from({ length: 2 * 4096 }, (_, i) => (i * i) >> 3);
    const source = made({ length, shape: [64, 64, 1], labelled: false });
    const entries = async function* () {
      for (let i = 0; i < length; i++) yield { name: "", load: () => ({ shape: [64, 64, 1] as const, data: block.subarray(i % 4096, i % 4096 + 4096) }) }; // prettier-ignore
    };
    const folder = join(temporaryFolder(), "made", "train");
    await prepare({ ...source, entries }, { directory: folder, shardBytes: 1 << 30 });
    const first = await flightServer([folder]);
    const client = flightClient(first);
    const asked: number[] = [];
    const get = client.get.bind(client);
    vi.spyOn(client, "get").mockImplementation(async function* (ticket, signal) {
      const call = asked.push((JSON.parse(String(ticket.ticket)) as { first: number }).first);
      let messages = 0;
      for await (const message of get(ticket, signal)) {
        yield message;
        if (call === 1 && ++messages === 3) await first.close();
      }
    });
    const told: string[] = [];
    const [out, onMessage] = [temporaryFolder(), (text: string) => void told.push(text)];
    const pulling = into(first, out, { client, onMessage, attempts: 1000 });
    await until(() => asked.length > 3);
    await flightServer([folder], { endpoint: first.endpoint });
    expect(await pulling).toMatchObject({ images: length, kept: 0 });
    expect(told).toEqual([expect.stringMatching(/^warning: 127\.0\.0\.1:\d+: \w+: .*; it is tried again$/)]);
    // The schema and two batches of 127 came before.
    expect(asked[1]).toBeGreaterThanOrEqual(254);
    expect(new Set(asked.slice(1)).size).toBe(1);
    expect(asked[1]).toBeLessThan(length);
  });

  it("gives up when the server stays away, with its name", async () => {
    const server = await flightServer([await prepared({ length: 5 })]);
    await server.close();
    await expect(into(server, temporaryFolder())).rejects.toThrow(/^127\.0\.0\.1:\d+: UNAVAILABLE/);
  });

  it.each([
    ["as often as it was told to, where the server may be back", status.UNAVAILABLE, 3],
    ["once, where it would fail again", status.PERMISSION_DENIED, 1],
  ])("asks for the rows %s", async (_, code, times) => {
    const server = await flightServer([await prepared({ length: 5 })]);
    const client = flightClient(server);
    const get = vi.spyOn(client, "get").mockImplementation(() => {
      throw new FlightError(client.server, code, "broken off");
    });
    await expect(into(server, temporaryFolder(), { client, attempts: 3 })).rejects.toThrow("broken off");
    expect(get).toHaveBeenCalledTimes(times);
  });

  it("asks no more once it is stopped, and does not say that it will", async () => {
    const server = await flightServer([await prepared({ length: 5 })]);
    const [client, stop, told] = [flightClient(server), new AbortController(), [] as string[]];
    const get = vi.spyOn(client, "get").mockImplementation(() => {
      stop.abort();
      throw new FlightError(client.server, status.UNAVAILABLE, "broken off");
    });
    const onMessage = (text: string) => void told.push(text);
    const pulled = await into(server, temporaryFolder(), { client, signal: stop.signal, onMessage });
    expect(pulled).toEqual({ images: 0, kept: 0 });
    expect(get).toHaveBeenCalledOnce();
    expect(told).toEqual([]);
  });

  it("refuses a folder of other data, finished or not, and leaves it is", async () => {
    const [small, large] = [await prepared({ length: 5 }), await prepared({ length: 6 })];
    const out = temporaryFolder();
    const server = await flightServer([large]);
    await into(server, out);
    await expect(into(await flightServer([small]), out)).rejects.toThrow("holds data other than the server's");
    const [half, stop] = [temporaryFolder(), new AbortController()];
    await into(server, half, { signal: stop.signal, onProgress: () => stop.abort() });
    await expect(into(await flightServer([small]), half)).rejects.toThrow("holds data other than the server's");
    await expect(into(server, large)).resolves.toMatchObject({ kept: 6 });
    const mine = temporaryFolder();
    writeFileSync(join(mine, "notes.txt"), "mine");
    await expect(into(server, mine)).rejects.toThrow(`${mine} is not empty: it has notes.txt`);
    expect(readdirSync(mine)).toEqual(["notes.txt"]);
  });

  it.each<[string, (text: string) => string, string]>([
    [
      "another hash",
      (text) => text.replace(/"sha256":"..../, '"sha256":"0000'),
      "made/train: shard-00000.arrow: its sha256 is ",
    ],
    ["another count", (text) => text.replace('"count":10', '"count":11'), "its shards have 10 images, it says 11"],
    [
      "a way out of the folder",
      (text) => text.replace("shard-00000.arrow", "../shard-00000.arrow"),
      "the manifest of made/train: ",
    ],
    [
      "more than memory holds",
      (text) => text.replace('"shape":[4,5,3]', '"shape":[40000,50000,3]'),
      "images of 40000,50000,3 have more values than memory can hold",
    ],
    [
      "other images",
      (text) => text.replace('"shape":[4,5,3]', '"shape":[4,5,1]'),
      "its images are not of shape [4, 5, 1]",
    ],
    ["no labels", (text) => text.replace(/"classCounts":\[[^\]]*\],/, ""), "made/train: it has labels"],
  ])("does not believe a server whose manifest has %s", async (_, change, message) => {
    const { catalog } = await flightServer([await prepared({ length: 10 })]);
    const server = await flightServer([], { catalog: withManifest(catalog, change) });
    const out = temporaryFolder();
    const pulling = into(server, out);
    await expect(pulling).rejects.toMatchObject({ code: status.DATA_LOSS });
    await expect(pulling).rejects.toThrow(message);
    expect(readdirSync(out).filter((name) => statSync(join(out, name)).isFile())).toEqual([]);
  });
});
