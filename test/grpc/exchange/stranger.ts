/** A member that does what a test says: it attends, takes what it is sent, and sends parcels made by hand. */
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { onTestFinished } from "vitest";
import { endpointText, type Endpoint } from "../../../src/grpc/endpoint.ts";
import { ExchangeClient } from "../../../src/grpc/exchange/client.ts";
import {
  EXCHANGE,
  EXCHANGE_PROTO,
  exchangeService,
  type SentParcel,
  VERSION,
} from "../../../src/grpc/exchange/definition.ts";
import type { ParcelMessage } from "../../../src/exchange/messages.ts";
import type { Header } from "../../../src/exchange/messages.ts";
import type { GroupView } from "../../../src/exchange/messages.ts";
import { parcel, type Vector } from "../../../src/grpc/exchange/parcel.ts";
import { vectorsOf } from "../../../src/grpc/exchange/shares-of-view.ts";
import { startServer } from "../../../src/grpc/server.ts";
import { BATCH, network, SHARDS } from "./fixture.ts";

export const run = { shards: SHARDS, shardSize: BATCH / SHARDS, parameters: network.layout.length, bfloat16: false };

/** @param address At which it says that it listens; default: where it does. */
export async function stranger(endpoint: Endpoint, address?: string) {
  const handlers = {
    Attend: () => {},
    Deliver: (call: NodeJS.ReadableStream) => void call.resume(),
    Fetch: () => {},
  };
  const served = { name: EXCHANGE, proto: EXCHANGE_PROTO, service: exchangeService, handlers: handlers as never };
  const listening = { option: "--listen", endpoint: { host: "127.0.0.1", port: 0 }, security: {}, tell: () => {} };
  const server = await startServer(served, listening);
  const client = new ExchangeClient(endpoint, {}, 60_000);
  const raw = new Client(endpointText(endpoint), credentials.createInsecure());
  onTestFinished(async () => {
    client.close();
    raw.close();
    await server.close(0);
  });

  let runId = "";
  let own = 0;
  const view = await new Promise<GroupView>((resolve, reject) => {
    const attendance = client.attend(
      {
        ...{
          version: VERSION,
          rank: 0,
          config: "{}",
          collectivesPort: 0,
          runId: "",
          node: "",
          incarnation: "",
          parameters: run.parameters,
        },
        address: address ?? endpointText(server.endpoint),
      },
      {
        onMessage({ welcome, prepare, view }) {
          if (welcome) [runId, own] = [welcome.runId, welcome.id];
          if (prepare)
            attendance.send({ ready: { view: prepare.view, step: 0, settled: false, hash: "", hasSum: false } });
          if (view) resolve(view);
        },
        onEnd: reject,
      },
    );
  });

  const header: Omit<Header, "vectors"> = { runId, view: view.view, step: 0, from: own, phase: "REDUCE" };
  /** What it would send to node 0 if it were one of them: zeros. */
  const vectors: Vector[] = vectorsOf(view, own, view.members[0]!.id, "REDUCE", run).map(
    ({ name, length, bfloat16 }) => ({ name, values: new Float32Array(length), bfloat16 }),
  );

  /** Bytes go as they are. @returns "OK" if all was taken, with the number of answers unless it is one; else the status with which the call ended, and its text. */
  const send = (messages: Iterable<SentParcel | Buffer> | AsyncIterable<SentParcel>, patience = 60_000) => {
    const { path, requestSerialize, responseDeserialize } = exchangeService.Deliver;
    const serialize = (message: SentParcel | Buffer) =>
      Buffer.isBuffer(message) ? message : requestSerialize(message as ParcelMessage);
    return new Promise<string>((resolve) => {
      const options = { deadline: Date.now() + patience };
      const call = raw.makeBidiStreamRequest(path, serialize, responseDeserialize, new Metadata(), options);
      let answers = 0;
      call.on("data", () => answers++);
      call.on("error", (error: ServiceError) => resolve(error.message));
      call.on("end", () => setImmediate(() => resolve(answers === 1 ? "OK" : `OK, ${answers} answers`)));
      void (async () => {
        for await (const message of messages) call.write(message);
        call.end();
      })();
    });
  };
  /** The same of a parcel that differs in its header or its vectors. */
  const sendWith = (over: Partial<Header>, values: readonly Vector[] = vectors) =>
    send(parcel({ ...header, ...over }, values));

  return { client, view, header, vectors, send, sendWith };
}
