/** The standard services beside the Monitor, as grpcurl and Kubernetes ask them. */
import { credentials, loadPackageDefinition, type Client, type ServiceClientConstructor } from "@grpc/grpc-js";
import { loadSync, type MessageTypeDefinition } from "@grpc/proto-loader";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { lastValueFrom } from "rxjs";
import { describe, expect, it, onTestFinished } from "vitest";
import { protoPath } from "grpc-health-check";
import { endpointText, type Endpoint } from "../../src/grpc/endpoint.ts";
import { recordedRun, temporaryFolder } from "../monitor/fixture.ts";
import { connect, served, until } from "./fixture.ts";

type Dictionary = { [key: string]: Dictionary };

/** A client of a service in a .proto file, its methods by name. */
function clientOf<T>(file: string, name: string, { endpoint }: { endpoint: Endpoint }): T & Client {
  let found = loadPackageDefinition(loadSync(file, { defaults: true, enums: String })) as unknown as Dictionary;
  for (const part of name.split(".")) found = found[part]!;
  const Constructor = found as unknown as ServiceClientConstructor;
  const client = new Constructor(endpointText(endpoint), credentials.createInsecure());
  onTestFinished(() => client.close());
  return client as never;
}

interface Health {
  Check(
    request: { service: string },
    reply: (error: { code: number } | null, response: { status: string }) => void,
  ): void;
}

it("health: the server and the Monitor are serving, another service is unknown", async () => {
  const { feed } = recordedRun(temporaryFolder());
  const health = clientOf<Health>(protoPath, "grpc.health.v1.Health", await served(feed));
  const check = (service: string) =>
    new Promise((resolve) => health.Check({ service }, (error, response) => resolve(error?.code ?? response.status)));
  expect(await check("")).toBe("SERVING");
  expect(await check("scorestream.v1.Monitor")).toBe("SERVING");
  expect(await check("scorestream.v1.Other")).toBe(5);
});

it("health: needs no token, which Kubernetes' own probes do not have", async () => {
  const { feed } = recordedRun(temporaryFolder());
  const server = await served(feed, { security: { token: "secret" } });
  const health = clientOf<Health>(protoPath, "grpc.health.v1.Health", server);
  const status = new Promise((resolve) => health.Check({ service: "" }, (error, { status } = { status: String(error) }) => resolve(status))); // prettier-ignore
  expect(await status).toBe("SERVING");
  await expect(lastValueFrom(connect(server).watch())).rejects.toThrow("UNAUTHENTICATED");
});

it("health: who watches is told that the server is about to end", async () => {
  const { feed } = recordedRun(temporaryFolder());
  const server = await served(feed);
  type Watch = { Watch(request: { service: string }): NodeJS.ReadableStream & { cancel(): void } };
  const health = clientOf<Watch>(protoPath, "grpc.health.v1.Health", server);
  const seen = ["", "scorestream.v1.Monitor"].map((service) => {
    const statuses: string[] = [];
    const call = health.Watch({ service });
    call.on("data", ({ status }: { status: string }) => statuses.push(status));
    call.on("error", () => {});
    return { statuses, call };
  });
  await until(() => seen.every(({ statuses }) => statuses.length === 1));
  const closing = server.close(5000);
  await until(() => seen.every(({ statuses }) => statuses.length === 2));
  for (const { statuses, call } of seen) {
    expect(statuses).toEqual(["SERVING", "NOT_SERVING"]);
    call.cancel();
  }
  await closing;
});

interface Reflection {
  ServerReflectionInfo(): NodeJS.ReadWriteStream & { write(request: object): boolean };
}

interface Reply {
  listServicesResponse?: { service: { name: string }[] } | null;
  fileDescriptorResponse?: { fileDescriptorProto: Buffer[] } | null;
}

interface Message {
  name: string;
  field: { name: string; typeName: string }[];
  nestedType: Message[];
  options: { mapEntry: boolean } | null;
}

interface File {
  name: string;
  dependency: string[];
  messageType: Message[];
  service: { name: string; method: { name: string }[] }[];
}

const { deserialize } = loadSync("google/protobuf/descriptor.proto", { defaults: true })[
  "google.protobuf.FileDescriptorProto"
] as MessageTypeDefinition<File, File>;

describe.each(["v1", "v1alpha"])("reflection %s", (version) => {
  async function ask() {
    const { feed } = recordedRun(temporaryFolder());
    const main = createRequire(import.meta.url).resolve("@grpc/reflection");
    const file = join(dirname(main), `../proto/grpc/reflection/${version}/reflection.proto`);
    const reflection = clientOf<Reflection>(file, `grpc.reflection.${version}.ServerReflection`, await served(feed));
    const call = reflection.ServerReflectionInfo();
    // The server closes it; without a listener that would be thrown.
    call.on("error", () => {});
    const replies: Reply[] = [];
    call.on("data", (reply: Reply) => replies.push(reply));
    return async (request: object): Promise<Reply> => {
      const before = replies.length;
      call.write(request);
      await until(() => replies.length > before);
      return replies.at(-1)!;
    };
  }
  const filesIn = ({ fileDescriptorResponse }: Reply) => fileDescriptorResponse!.fileDescriptorProto.map(deserialize);
  const allOf = (messages: Message[]): Message[] => messages.flatMap((each) => [each, ...allOf(each.nestedType)]);

  it("lists the services", async () => {
    const { listServicesResponse } = await (await ask())({ listServices: "*" });
    const names = listServicesResponse!.service.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["scorestream.v1.Monitor", "grpc.health.v1.Health"]));
  });

  it("describes the Monitor with the names of the .proto file, and every type in reach of its imports", async () => {
    const send = await ask();
    const [monitor] = filesIn(await send({ fileContainingSymbol: "scorestream.v1.Monitor" }));
    expect(monitor!.service[0]!.method.map(({ name }) => name)).toEqual(["Watch", "Push"]);
    const request = monitor!.messageType.find(({ name }) => name === "WatchRequest")!;
    expect(request.field.map(({ name }) => name)).toEqual(["run_ids", "nodes", "names", "from_step", "span", "after"]);
    const types = allOf(monitor!.messageType).flatMap(({ field }) => field.map(({ typeName }) => typeName));
    expect(types.filter(Boolean)).toEqual([
      ".scorestream.v1.Metric",
      ".scorestream.v1.RunState",
      ".scorestream.v1.RunPhase",
      ".google.protobuf.Timestamp",
      ".scorestream.v1.PhaseTime",
      ".scorestream.v1.RunPhase",
      ".google.protobuf.Timestamp",
      ".scorestream.v1.WatchRequest.Span",
      ".scorestream.v1.RecordPlace",
    ]);
    expect(monitor!.dependency).toHaveLength(1);
    const [imported] = filesIn(await send({ fileByFilename: monitor!.dependency[0] }));
    expect(imported!.messageType.map(({ name }) => name)).toEqual(["Timestamp"]);
  });

  it("names the entries of maps as protoc does", async () => {
    const [health] = filesIn(await (await ask())({ fileContainingSymbol: "grpc.health.v1.Health" }));
    const entries = allOf(health!.messageType).filter(({ options }) => options?.mapEntry);
    expect(entries.map(({ name }) => name)).toEqual(["StatusesEntry"]);
    const fields = allOf(health!.messageType).flatMap(({ field }) => field);
    expect(fields.find(({ name }) => name === "statuses")!.typeName).toBe(
      ".grpc.health.v1.HealthListResponse.StatusesEntry",
    );
  });
});
