/** The service of `proto/arrow/flight/protocol/flight.proto`, and its messages as grpc-js hands them over. */
import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { protoFolder } from "../proto-folder.ts";

/** Within the folder of the .proto files. */
export const FLIGHT_PROTO = "arrow/flight/protocol/flight.proto";

export const FLIGHT_SERVICE = "arrow.flight.protocol.FlightService";

export interface FlightDescriptor {
  readonly type: "UNKNOWN" | "PATH" | "CMD";
  readonly cmd: Uint8Array;
  readonly path: readonly string[];
}

export interface Ticket {
  readonly ticket: Uint8Array;
}

export interface FlightEndpoint {
  readonly ticket: Ticket | null;
  readonly location: readonly { readonly uri: string }[];
}

export interface FlightInfo {
  /** An encapsulated IPC message. */
  readonly schema: Uint8Array;
  readonly flightDescriptor: FlightDescriptor | null;
  readonly endpoint: readonly FlightEndpoint[];
  /** -1: not known. */
  readonly totalRecords: number;
  readonly totalBytes: number;
  readonly ordered: boolean;
}

export interface FlightData {
  /** The flatbuffer of an IPC message. */
  readonly dataHeader: Uint8Array;
  readonly dataBody: Uint8Array;
}

/** A FlightData as it stands on the wire. */
export type FlightDataWire = Buffer;

export interface Action {
  readonly type: string;
  readonly body: Uint8Array;
}

export interface ActionType {
  readonly type: string;
  readonly description: string;
}

type Empty = Record<string, never>;

interface FlightService extends ServiceDefinition {
  readonly Handshake: MethodDefinition<object, object>;
  readonly ListFlights: MethodDefinition<{ expression: Uint8Array }, FlightInfo>;
  readonly GetFlightInfo: MethodDefinition<FlightDescriptor, FlightInfo>;
  readonly GetSchema: MethodDefinition<FlightDescriptor, { schema: Uint8Array }>;
  readonly DoGet: MethodDefinition<Ticket, FlightData>;
  readonly DoPut: MethodDefinition<FlightData, object>;
  readonly DoExchange: MethodDefinition<FlightData, FlightData>;
  readonly DoAction: MethodDefinition<Action, { body: Uint8Array }>;
  readonly ListActions: MethodDefinition<Empty, ActionType>;
}

/** Counts of rows and bytes are far below 2^53. */
const definition = loadSync(FLIGHT_PROTO, {
  includeDirs: [protoFolder],
  longs: Number,
  enums: String,
  defaults: true,
});

export const flightService = definition[FLIGHT_SERVICE] as unknown as FlightService;

/** The same for a server whose DoGet makes the bytes of its messages itself, so that rows are not copied again. */
export const flightServerService: ServiceDefinition = {
  ...flightService,
  DoGet: { ...flightService.DoGet, responseSerialize: (wire: FlightDataWire) => wire },
};
