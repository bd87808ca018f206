/** A collector that takes metrics by OTLP over gRPC, with the parts of its messages that are looked at. */
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";
import protobuf from "protobufjs";
import { onTestFinished } from "vitest";
import type { Endpoint } from "../../src/grpc/endpoint.ts";

/** @see https://github.com/open-telemetry/opentelemetry-proto */
const PROTO = `
  syntax = "proto3";
  message Request { repeated ResourceMetrics resource_metrics = 1; }
  message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue { oneof value { string string_value = 1; } }
  message ScopeMetrics { repeated Metric metrics = 2; }
  message Metric { string name = 1; string unit = 3; oneof data { Gauge gauge = 5; } }
  message Gauge { repeated Point data_points = 1; }
  message Point { oneof value { double as_double = 4; } repeated KeyValue attributes = 7; }
  message Response { PartialSuccess partial_success = 1; }
  message PartialSuccess { int64 rejected_data_points = 1; string error_message = 2; }
`;

type Attributes = readonly { readonly key: string; readonly value: { readonly stringValue: string } }[];

interface Request {
  readonly resourceMetrics: readonly {
    readonly resource: { readonly attributes: Attributes };
    readonly scopeMetrics: readonly {
      readonly metrics: readonly {
        readonly name: string;
        readonly unit: string;
        readonly gauge: {
          readonly dataPoints: readonly { readonly asDouble: number; readonly attributes: Attributes }[];
        };
      }[];
    }[];
  }[];
}

/** A point of a gauge as it came. */
export interface Received {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  readonly attributes: Readonly<Record<string, string>>;
  readonly resource: Readonly<Record<string, string>>;
}

const record = (attributes: Attributes) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue]));

const pointsOf = ({ resourceMetrics }: Request): Received[] =>
  resourceMetrics.flatMap(({ resource, scopeMetrics }) =>
    scopeMetrics
      .flatMap(({ metrics }) => metrics)
      .flatMap(({ name, unit, gauge }) =>
        gauge.dataPoints.map(({ asDouble, attributes }) => {
          return { name, unit, value: asDouble, attributes: record(attributes), resource: record(resource.attributes) };
        }),
      ),
  );

export interface Collector {
  readonly endpoint: Endpoint;
  /** The points of each export. */
  readonly exports: readonly (readonly Received[])[];
  close(): void;
}

export interface CollectorOptions {
  readonly credentials?: ServerCredentials;
  /** Takes exports and never answers. */
  readonly silent?: boolean;
  /** What it answers. */
  readonly answer?: object;
  readonly port?: number;
}

/** Starts a collector on a port of this machine; it is closed after the test. */
export async function collector({
  credentials,
  silent = false,
  answer: given = {},
  port: wanted = 0,
}: CollectorOptions = {}): Promise<Collector> {
  const { root } = protobuf.parse(PROTO);
  const [request, response] = [root.lookupType("Request"), root.lookupType("Response")];
  const exports: Received[][] = [];
  const server = new Server();
  server.addService(
    {
      Export: {
        path: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        requestStream: false,
        responseStream: false,
        requestSerialize: (message: Request) => Buffer.from(request.encode(message).finish()),
        requestDeserialize: (bytes: Buffer) => request.toObject(request.decode(bytes), { arrays: true }) as Request,
        responseSerialize: (message: object) => Buffer.from(response.encode(message).finish()),
        responseDeserialize: (bytes: Buffer) => response.decode(bytes),
      },
    },
    {
      Export({ request }: ServerUnaryCall<Request, object>, answer: sendUnaryData<object>) {
        exports.push(pointsOf(request));
        if (!silent) answer(null, given);
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`127.0.0.1:${wanted}`, credentials ?? ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  const close = () => server.forceShutdown();
  onTestFinished(close);
  return { endpoint: { host: "127.0.0.1", port }, exports, close };
}
