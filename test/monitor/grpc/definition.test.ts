import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { clientMetadata } from "../../../src/grpc/credentials.ts";
import { fromMessage, service, toMessage } from "../../../src/monitor/grpc/definition.ts";
import { isOfThisMachine } from "../../../src/grpc/endpoint.ts";
import { freePort } from "../../../src/grpc/free-port.ts";
import { batchOf } from "../../../src/metrics/metric.ts";
import { entry, metric } from "../fixture.ts";

const about = { runId: "run", node: "node", sequence: 4, dropped: 2 };
const at = (time: string) => ({ ...about, metrics: [{ ...metric(1), time }] });

describe("a batch on the wire", () => {
  it.each([
    ["2026-01-02T03:04:05.678Z", { seconds: 1767323045, nanos: 678e6 }],
    ["1970-01-01T00:00:00.000Z", { seconds: 0, nanos: 0 }],
    // Before 1970 nanoseconds still count up.
    ["1969-12-31T23:59:58.250Z", { seconds: -2, nanos: 250e6 }],
  ])("has the time %s in seconds and nanoseconds", (time, expected) => {
    const message = toMessage(at(time));
    expect(message).toEqual({ ...about, lastSequence: 4, metrics: [{ ...metric(1), time: expected }] });
    const bytes = service.Push.requestSerialize(message);
    expect(fromMessage(service.Push.requestDeserialize(bytes), "never")).toEqual(at(time));
  });

  it("has none where a metric has none, for which the time of its coming stands", () => {
    const message = toMessage(at(""));
    expect(message.metrics[0]!.time).toBeNull();
    expect(fromMessage(message, "2026-01-01T00:00:00.000Z").metrics[0]!.time).toBe("2026-01-01T00:00:00.000Z");
    const far = { ...metric(1), time: { seconds: 1e15, nanos: 0 } };
    expect(() => fromMessage({ ...about, lastSequence: 4, metrics: [far] }, "")).toThrow(RangeError);
  });
});

it("a batch with gaps tells the place of its last metric, on the wire too", () => {
  const batch = batchOf([entry(3), entry(4), entry(9)]);
  expect(batch.last).toBe(9);
  const bytes = service.Watch.responseSerialize(toMessage(batch));
  expect(service.Watch.responseDeserialize(bytes)).toMatchObject({ sequence: 3, lastSequence: 9 });
  expect(fromMessage(service.Watch.responseDeserialize(bytes), "")).toEqual(batch);
  expect(toMessage(batchOf([entry(3), entry(4)])).lastSequence).toBe(4);
  // Not numbered.
  expect(toMessage(batchOf([entry(0), entry(0)])).lastSequence).toBe(0);
});

describe("who one is", () => {
  it("is said with each call where there is a token", () => {
    expect(clientMetadata({ token: "secret" }).get("authorization")).toEqual(["Bearer secret"]);
    expect(clientMetadata({}).getMap()).toEqual({});
  });

  it("is of this machine by an address of it", async () => {
    const known = (host: string) => isOfThisMachine({ host, port: 1 });
    for (const host of ["localhost", "127.0.0.9", "::1"]) expect(await known(host), host).toBe(true);
    // Addresses for documentation.
    for (const host of ["192.0.2.1", "2001:db8::1"]) expect(await known(host), host).toBe(false);
  });
});

it("a free port is kept until it is let go of", async () => {
  const { port, release } = await freePort();
  const listen = () =>
    new Promise<string>((resolve) => {
      const server = createServer()
        .once("error", (error: NodeJS.ErrnoException) => resolve(error.code!))
        .listen(port, () => server.close(() => resolve("listened")));
    });
  expect(await listen()).toBe("EADDRINUSE");
  await release();
  await release();
  expect(await listen()).toBe("listened");
});
