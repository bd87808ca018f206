/** A watcher on bare HTTP/2 that reads only when told to: gRPC clients read ahead. */
import { connect, type ClientHttp2Stream } from "node:http2";
import { onTestFinished } from "vitest";
import { fromMessage, service } from "../../src/monitor/grpc/definition.ts";
import { endpointText, type Endpoint } from "../../src/grpc/endpoint.ts";
import type { MetricBatch } from "../../src/metrics/metric.ts";

/** Flag and length before each message. */
const PREFIX = 5;

export interface RawWatcher {
  /** Batches read so far. */
  readonly batches: MetricBatch[];
  /** Begins to read. */
  read(): void;
  /** Drops the connection without a word. */
  destroy(): void;
}

/** Asks for everything. */
export function rawWatcher({ endpoint }: { endpoint: Endpoint }): RawWatcher {
  const session = connect(`http://${endpointText(endpoint)}`);
  session.on("error", () => {});
  const headers = { "content-type": "application/grpc", te: "trailers" };
  const stream: ClientHttp2Stream = session.request({
    ":method": "POST",
    ":path": "/scorestream.v1.Monitor/Watch",
    ...headers,
  });
  stream.on("error", () => {});
  stream.pause();
  stream.end(Buffer.alloc(PREFIX));
  onTestFinished(() => session.destroy());
  const batches: MetricBatch[] = [];
  let bytes = Buffer.alloc(0);
  const take = (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length >= PREFIX && bytes.length >= PREFIX + bytes.readUInt32BE(1)) {
      const end = PREFIX + bytes.readUInt32BE(1);
      batches.push(fromMessage(service.Watch.responseDeserialize(bytes.subarray(PREFIX, end)), ""));
      bytes = bytes.subarray(end);
    }
  };
  return { batches, read: () => void stream.on("data", take).resume(), destroy: () => session.destroy() };
}
