/** The standard services beside Flight, as grpcurl and Kubernetes ask them. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { credentials, loadPackageDefinition, type Client, type ServiceClientConstructor } from "@grpc/grpc-js";
import { loadSync, type MessageTypeDefinition } from "@grpc/proto-loader";
import { protoPath } from "grpc-health-check";
import { expect, it, onTestFinished } from "vitest";
import { endpointText, type Endpoint } from "../../../src/grpc/endpoint.ts";
import { flightServer, prepared } from "./fixture.ts";

type Names = { [key: string]: Names };

/** A client of a service in a .proto file. */
function clientOf<T>(file: string, name: string, { endpoint }: { endpoint: Endpoint }): T {
  let found = loadPackageDefinition(loadSync(file, { defaults: true, enums: String })) as unknown as Names;
  for (const part of name.split(".")) found = found[part]!;
  const Constructor = found as unknown as ServiceClientConstructor;
  const client = new Constructor(endpointText(endpoint), credentials.createInsecure());
  onTestFinished(() => (client as Client).close());
  return client as unknown as T;
}

interface Health {
  Check(request: { service: string }, reply: (error: unknown, response?: { status: string }) => void): void;
}

it("health: the service is serving", async () => {
  const health = clientOf<Health>(protoPath, "grpc.health.v1.Health", await flightServer([await prepared({ length: 1 })])); // prettier-ignore
  const check = (service: string) =>
    new Promise((resolve) => health.Check({ service }, (_, response) => resolve(response?.status)));
  expect(await check("")).toBe("SERVING");
  expect(await check("arrow.flight.protocol.FlightService")).toBe("SERVING");
  expect(await check("scorestream.v1.Monitor")).toBeUndefined();
});

interface Reflection {
  ServerReflectionInfo(): NodeJS.ReadWriteStream & { write(request: object): boolean };
}

interface Reply {
  readonly fileDescriptorResponse: { readonly fileDescriptorProto: Buffer[] };
}

interface File {
  readonly package: string;
  readonly dependency: string[];
  readonly messageType: {
    readonly name: string;
    readonly field: { readonly name: string; readonly number: number }[];
  }[];
  readonly service: { readonly method: { readonly name: string; readonly serverStreaming: boolean }[] }[];
}

const { deserialize } = loadSync("google/protobuf/descriptor.proto", { defaults: true })[
  "google.protobuf.FileDescriptorProto"
] as MessageTypeDefinition<File, File>;

it("reflection: the service is described with the official names and numbers", async () => {
  const server = await flightServer([await prepared({ length: 1 })]);
  const main = createRequire(import.meta.url).resolve("@grpc/reflection");
  const file = join(dirname(main), "../proto/grpc/reflection/v1/reflection.proto");
  const call = clientOf<Reflection>(file, "grpc.reflection.v1.ServerReflection", server).ServerReflectionInfo();
  // The server closes it; without a listener that would be thrown.
  call.on("error", () => {});
  const reply = new Promise<Reply>((resolve) => call.once("data", resolve));
  call.write({ fileContainingSymbol: "arrow.flight.protocol.FlightService" });
  const files = (await reply).fileDescriptorResponse.fileDescriptorProto.map(deserialize);
  const flight = files.find((each) => each.package === "arrow.flight.protocol")!;
  const names = ["Handshake", "ListFlights", "GetFlightInfo", "GetSchema", "DoGet"];
  const all = [...names, "DoPut", "DoExchange", "DoAction", "ListActions"];
  expect(flight.service[0]!.method.map(({ name }) => name)).toEqual(all);
  const data = flight.messageType.find(({ name }) => name === "FlightData")!;
  expect(data.field.map(({ name, number }) => [name, number])).toEqual([
    ["flight_descriptor", 1],
    ["data_header", 2],
    ["app_metadata", 3],
    ["data_body", 1000],
  ]);
  expect(flight.dependency).toHaveLength(1);
});
