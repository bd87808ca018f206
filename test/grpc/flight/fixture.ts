/** Prepared images on a Flight server, and clients of it, that are closed after the test. */
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { prepare } from "../../../src/data/prepare/prepare.ts";
import type { ShardedImages } from "../../../src/data/prepare/open-shards.ts";
import { openCatalog, type Catalog, type FlightSet } from "../../../src/grpc/flight/catalog.ts";
import { FlightClient } from "../../../src/grpc/flight/client.ts";
import { imageStream } from "../../../src/grpc/flight/image-stream.ts";
import { serveFlight, type FlightServeOptions } from "../../../src/grpc/flight/serve.ts";
import type { Endpoint } from "../../../src/grpc/endpoint.ts";
import type { ClientSecurity } from "../../../src/grpc/security.ts";
import { made, temporaryFolder, type Made } from "../../data/prepare/fixture.ts";
import { LOCAL } from "../fixture.ts";

/** A prepared split `made/train` in a folder of its own; shards of `perShard` images. */
export async function prepared(options: Made & { readonly perShard?: number }): Promise<string> {
  const [height, width, channels] = options.shape ?? [4, 5, 3];
  const directory = join(temporaryFolder(), "made", "train");
  const shardBytes = (options.perShard ?? 4) * height * width * channels;
  await prepare(made(options), { directory, shardBytes });
  return directory;
}

/** Serves prepared folders; without other options nobody is asked for anything. */
export async function flightServer(folders: readonly string[], options: Partial<FlightServeOptions> = {}) {
  const catalog = await openCatalog(folders);
  const told: string[] = [];
  const tell = (text: string) => void told.push(text);
  const server = await serveFlight({ option: "--listen", endpoint: LOCAL, security: {}, catalog, tell, ...options });
  let open = true;
  const close = async (grace = 0) => {
    if (!open) return;
    open = false;
    await server.close(grace);
    catalog.close();
  };
  onTestFinished(() => close());
  return { ...server, close, told, catalog };
}

export function flightClient({ endpoint }: { endpoint: Endpoint }, security?: ClientSecurity): FlightClient {
  const client = new FlightClient(endpoint, security);
  onTestFinished(() => client.close());
  return client;
}

export const PATH = ["made", "train"] as const;

/** A split that is not on the disk: `length` images of [64, 64, 1] whose pixels are their index, told of what is read. */
export function endless(length: number, onRead: (first: number, count: number) => void): Catalog {
  const shape = [64, 64, 1] as const;
  const images = {
    manifest: { shards: [{ count: length, bytes: length * 4096 }] },
    length,
    shape,
    labelled: false,
    read(first: number, count: number, into: Uint8Array) {
      onRead(first, count);
      for (let i = 0; i < count; i++) into.fill((first + i) % 256, i * 4096, (i + 1) * 4096);
      return into;
    },
    close() {},
  } as unknown as ShardedImages;
  const set: FlightSet = { path: PATH, images, stream: imageStream(shape, false) };
  return { sets: [set], find: () => set, close() {} };
}
