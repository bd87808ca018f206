/** The service of `proto/scorestream/v1/exchange.proto`, and its messages as grpc-js hands them over. */
import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { protoFolder } from "../proto-folder.ts";
import { ChunkToSend } from "./chunk.ts";
import type {
  CoordinatorMessage,
  FetchRequest,
  WireIdentity,
  MemberMessage,
  ParcelMessage,
  Receipt,
} from "../../exchange/messages.ts";

/** Within the folder of the .proto files. */
export const EXCHANGE_PROTO = "scorestream/v1/exchange.proto";
export const EXCHANGE = "scorestream.v1.Exchange";
export const VERSION = 3;

/** A parcel in the form in which it is sent. */
export type SentParcel = ParcelMessage | ChunkToSend;

export interface ExchangeService extends ServiceDefinition {
  readonly Attend: MethodDefinition<MemberMessage, CoordinatorMessage>;
  readonly Deliver: MethodDefinition<ParcelMessage, Receipt>;
  readonly Fetch: MethodDefinition<FetchRequest, ParcelMessage>;
  readonly Identify: MethodDefinition<Record<string, never>, WireIdentity>;
}

const passing = (serialize: (message: ParcelMessage) => Buffer) => (message: SentParcel) =>
  message instanceof ChunkToSend ? message.serialize() : serialize(message);

const loaded = loadSync(EXCHANGE_PROTO, {
  includeDirs: [protoFolder],
  // Steps, views and lengths are far below 2^53.
  longs: Number,
  enums: String,
  defaults: true,
})[EXCHANGE] as unknown as ExchangeService;

const { Deliver, Fetch } = loaded;
export const exchangeService: ExchangeService = {
  ...loaded,
  Deliver: { ...Deliver, requestSerialize: passing(Deliver.requestSerialize) },
  Fetch: { ...Fetch, responseSerialize: passing(Fetch.responseSerialize) },
};
