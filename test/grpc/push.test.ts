import type { EventEmitter } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client, credentials } from "@grpc/grpc-js";
import { lastValueFrom, toArray } from "rxjs";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { PROTO, SERVICE, service, toMessage, type MetricBatchMessage } from "../../src/monitor/grpc/definition.ts";
import { Pusher } from "../../src/monitor/grpc/pusher.ts";
import { backoffDelay } from "../../src/base/backoff.ts";
import { startServer } from "../../src/grpc/server.ts";
import { isMetric, type MetricBatch } from "../../src/metrics/metric.ts";
import { MetricLog } from "../../src/monitor/metric-log.ts";
import { batch, metric, metrics, temporaryFolder } from "../monitor/fixture.ts";
import { connect, LOCAL, monitorIn, until } from "./fixture.ts";

type Monitor = Awaited<ReturnType<typeof monitorIn>>;

const range = (to: number) => metrics(1, to).map(({ step }) => step);

const stored = ({ archive }: Pick<Monitor, "archive">) =>
  archive
    .logs()
    .flatMap((log) => [...log.read()].flatMap(({ entry }) => (entry && isMetric(entry) ? [entry.metric.step] : [])));

/** A run that pushes to `monitor`, with waits as short as a test wants them. */
function pushing(monitor: Pick<Monitor, "endpoint">, callTime = 50, limit?: number) {
  const log = new MetricLog(join(temporaryFolder(), "metrics.jsonl"), { runId: "run", node: "node" });
  const told: string[] = [];
  const start = () => {
    const tell = (text: string) => void told.push(text);
    const pusher = new Pusher({
      client: connect(monitor),
      log,
      name: "M",
      tell,
      callTime,
      backoff: [5, 20],
      ...(limit && { limit }),
    });
    onTestFinished(async () => void (await pusher.close(0)));
    return pusher;
  };
  const pusher = start();
  const write = (from: number, to: number) => {
    for (const each of metrics(from, to)) log.add(each);
    pusher.wake();
  };
  return { log, pusher, write, told, restart: start };
}

async function* values(...batches: MetricBatch[]) {
  yield* batches;
}

describe("Monitor.Push", () => {
  it("stores, tells what it stored, and drops what it has", async () => {
    const monitor = await monitorIn(temporaryFolder());
    const client = connect(monitor);
    const push = (...batches: MetricBatch[]) => lastValueFrom(client.push(values(...batches), 5000));
    expect(await push(batch(1, 3), batch(4, 2), batch(1, 2, { node: "b" }))).toEqual({ stored: 7, duplicates: 0 });
    expect(await push(batch(2, 6))).toEqual({ stored: 2, duplicates: 4 });
    expect(await push(batch(1, 2), batch(5, 3))).toEqual({ stored: 0, duplicates: 5 });
    expect(await push()).toEqual({ stored: 0, duplicates: 0 });
    expect(stored(monitor)).toEqual([1, 2, 3, 4, 5, 1, 2, 6, 7]);
  });

  it.each([
    ["no name", { runId: "" }, "run_id is empty"],
    ["a long name", { runId: "ä".repeat(40) }, "run_id is longer than 200 bytes"],
    ["a long node", { runId: "run", node: "n".repeat(201) }, "a name is longer than 200"],
  ])("refuses a run with %s", async (_, names, message) => {
    const monitor = await monitorIn(temporaryFolder());
    const pushed = lastValueFrom(connect(monitor).push(values(batch(1, 1, names)), 5000));
    await expect(pushed).rejects.toThrow(`INVALID_ARGUMENT: ${message}`);
    expect(stored(monitor)).toEqual([]);
  });

  it("refuses an impossible time, and a place that no record has", async () => {
    const monitor = await monitorIn(temporaryFolder());
    const client = new Client(`127.0.0.1:${monitor.endpoint.port}`, credentials.createInsecure());
    onTestFinished(() => client.close());
    const push = (message: MetricBatchMessage) =>
      new Promise<string | undefined>((resolve) => {
        const { path, requestSerialize, responseDeserialize } = service.Push;
        client
          .makeClientStreamRequest(path, requestSerialize, responseDeserialize, (error) => resolve(error?.message))
          .end(message);
      });
    const message = toMessage(batch(1, 1));
    const metrics = message.metrics.map((one) => ({ ...one, time: { seconds: 1e14, nanos: 0 } }));
    expect(await push({ ...message, metrics })).toContain("INVALID_ARGUMENT: a time is impossible");
    expect(await push({ ...message, sequence: 2 ** 52 })).toContain("INVALID_ARGUMENT: sequence 4503599627370496 is");
    expect(stored(monitor)).toEqual([]);
  });

  it("gives metrics without a time the time of their arrival", async () => {
    const monitor = await monitorIn(temporaryFolder());
    const untimed = { ...batch(1, 1), metrics: [{ ...metric(1), time: "" }] };
    await lastValueFrom(connect(monitor).push(values(untimed), 5000));
    const [got] = await lastValueFrom(connect(monitor).watch({ span: "PAST" }).pipe(toArray()));
    expect(Math.abs(Date.parse(got!.metrics[0]!.time) - Date.now())).toBeLessThan(60_000);
  });

  it("answers with an error when it cannot store, and then has nothing of it", async () => {
    const monitor = await monitorIn(temporaryFolder());
    const accept = vi.spyOn(monitor.archive, "accept").mockImplementation(() => {
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    });
    await expect(lastValueFrom(connect(monitor).push(values(batch(1, 1)), 5000))).rejects.toThrow("RESOURCE_EXHAUSTED");
    accept.mockRestore();
    expect(stored(monitor)).toEqual([]);
  });
});

describe("a run that pushes", () => {
  it("sends what there is and what comes, at once and not only when a call ends", async () => {
    const monitor = await monitorIn(temporaryFolder());
    const { write } = pushing(monitor, 60_000);
    for (let step = 1; step <= 5; step++) {
      write(step, step);
      await until(() => stored(monitor).length === step);
    }
    expect(stored(monitor)).toEqual(range(5));
  });

  it("loses and doubles nothing when the monitor is killed and started again, twice", async () => {
    const dir = temporaryFolder();
    let monitor = await monitorIn(dir);
    const { endpoint } = monitor;
    const { write, pusher, told } = pushing(monitor);
    let step = 0;
    const some = async (count: number) => {
      for (let i = 0; i < count; i++) {
        write(++step, step);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    };
    for (let kill = 0; kill < 2; kill++) {
      await some(40);
      // At once: calls break off, and what was received is stored but never confirmed.
      await monitor.close(0);
      await some(40);
      await until(() => told.some((text) => text.includes("UNAVAILABLE")));
      expect(told.some((text) => text.endsWith("they are kept and sent once it does"))).toBe(true);
      told.length = 0;
      monitor = await monitorIn(dir, { endpoint });
      await until(() => told.includes("the monitor M takes metrics again"));
      told.length = 0;
    }
    await some(20);
    expect(await pusher.close(5000)).toBe(true);
    expect(stored(monitor)).toEqual(range(180));
  });

  it("sends again what was not confirmed; the monitor tells it by its place", async () => {
    const monitor = await monitorIn(temporaryFolder());
    const sync = vi.spyOn(monitor.archive, "sync").mockImplementationOnce(() => {
      throw new Error("EIO: i/o error, fdatasync");
    });
    const accept = vi.spyOn(monitor.archive, "accept");
    const { write, pusher, told } = pushing(monitor);
    write(1, 10);
    await until(() => sync.mock.calls.length >= 2);
    expect(await pusher.close(5000)).toBe(true);
    expect(stored(monitor)).toEqual(range(10));
    expect(accept.mock.results.map(({ value }) => value as unknown)).toContainEqual({ stored: 0, duplicates: 10 });
    expect(told[0]).toContain("RESOURCE_EXHAUSTED: EIO");
  });

  it("sends what a run before it could not, and brings a new monitor everything", async () => {
    const gone = await monitorIn(temporaryFolder());
    await gone.close(0);
    const { write, pusher, log, told } = pushing(gone);
    write(1, 700);
    await until(() => told.length === 1);
    expect(await pusher.close(30)).toBe(false);
    const monitor = await monitorIn(temporaryFolder());
    const next = pushing(monitor);
    for (const each of metrics(1, 700)) next.log.add(each);
    next.write(701, 701);
    expect(await next.pusher.close(5000)).toBe(true);
    expect(stored(monitor)).toEqual(range(701));
    expect(log.end.line).toBe(700);
  });

  it("leaves out the oldest of more than may wait, tells how many, and keeps their places free", async () => {
    const gone = await monitorIn(temporaryFolder());
    await gone.close(0);
    const { endpoint } = gone;
    const { write, pusher, log, told } = pushing({ endpoint }, 50, 2000);
    write(1, 100);
    await until(() => told.some((text) => text.includes("UNAVAILABLE")));
    const monitor = await monitorIn(temporaryFolder(), { endpoint });
    expect(await pusher.close(5000)).toBe(true);
    const kept = stored(monitor);
    expect(kept.length).toBeGreaterThan(5);
    expect(kept).toEqual(range(100).slice(-kept.length));
    expect(told).toContainEqual(
      `warning: the monitor M does not get ${100 - kept.length} metrics: more than 2000 bytes wait for it; they are in ${log.path}`,
    );
    const [first] = [...monitor.archive.logs()[0]!.read()];
    expect(first!.entry!.sequence).toBe(101 - kept.length);
  });

  it("waits without work while nothing comes, also behind a line that is no metric", async () => {
    const monitor = await monitorIn(temporaryFolder());
    const accept = vi.spyOn(monitor.archive, "accept");
    const sync = vi.spyOn(monitor.archive, "sync");
    const { write, log, pusher } = pushing(monitor, 5);
    write(1, 1);
    await until(() => sync.mock.calls.length === 1);
    writeFileSync(log.path, "no metric\n", { flag: "a" });
    pusher.wake();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(accept).toHaveBeenCalledTimes(1);
    expect(sync).toHaveBeenCalledTimes(1);
    expect(await pusher.close(1000)).toBe(true);
  });

  it("ends within its time when the monitor does not answer", async () => {
    const monitor = await monitorIn(temporaryFolder());
    vi.spyOn(monitor.archive, "accept").mockImplementation(() => {
      throw new Error("never");
    });
    const { write, pusher } = pushing(monitor);
    write(1, 1);
    const started = performance.now();
    expect(await pusher.close(200)).toBe(false);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

it("a client ends its source and the call when nobody waits for the summary any more", async () => {
  let [begun, cancelled, ended] = [false, false, false];
  const Push = (call: EventEmitter) => {
    call.on("data", () => (begun = true));
    call.on("cancelled", () => (cancelled = true));
  };
  const served = { name: SERVICE, proto: PROTO, service, handlers: { Push } as never };
  const server = await startServer(served, { option: "--listen", endpoint: LOCAL, security: {}, tell: () => {} });
  onTestFinished(() => server.close(0));
  async function* endless() {
    try {
      for (let place = 1; ; place++) {
        yield batch(place, 1);
        await new Promise(setImmediate);
      }
    } finally {
      ended = true;
    }
  }
  const pushing = connect(server).push(endless(), 60_000).subscribe();
  await until(() => begun);
  pushing.unsubscribe();
  await until(() => cancelled && ended);
});

describe("backoffDelay", () => {
  it("doubles up to its bound, by half at most less", () => {
    const delays = (random: number) => [0, 1, 2, 3, 50].map((n) => backoffDelay(n, [100, 700], () => random));
    expect(delays(1)).toEqual([100, 200, 400, 700, 700]);
    expect(delays(0)).toEqual([50, 100, 200, 350, 350]);
  });
});
