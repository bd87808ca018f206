/** The pusher on a monitor that is none, in its own time. */
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { Observable, type Subscriber } from "rxjs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { PushSummary } from "../../../src/monitor/grpc/definition.ts";
import type { MonitorClient } from "../../../src/monitor/grpc/monitor-client.ts";
import { Pusher, type PusherOptions } from "../../../src/monitor/grpc/pusher.ts";
import { statusError } from "../../../src/grpc/receive.ts";
import type { MetricBatch } from "../../../src/metrics/metric.ts";
import { MetricLog } from "../../../src/monitor/metric-log.ts";
import { metric, metrics, steps, temporaryFolder } from "../fixture.ts";

/** One call: what came in it, and its end. */
interface Call {
  readonly batches: MetricBatch[];
  readonly deadline: number;
  /** The batches have ended. */
  sent: boolean;
  left: boolean;
  readonly reply: Subscriber<PushSummary>;
}

const turns = () => vi.advanceTimersByTimeAsync(0);

function pushing(options: Partial<PusherOptions> = {}) {
  const calls: Call[] = [];
  const client = {
    push: (batches: AsyncIterable<MetricBatch>, deadline: number) =>
      new Observable<PushSummary>((reply) => {
        const call: Call = { batches: [], deadline, sent: false, left: false, reply };
        calls.push(call);
        const read = async () => {
          for await (const batch of batches) call.batches.push(batch);
          call.sent = true;
        };
        void read();
        return () => void (call.left = true);
      }),
  };
  const log = new MetricLog(join(temporaryFolder(), "metrics.jsonl"), { runId: "run", node: "node" });
  const told: string[] = [];
  const tell = (text: string) => void told.push(text);
  const start = () => new Pusher({ client: client as unknown as MonitorClient, log, name: "M", tell, ...options });
  const answer = async (call: Call, error?: status, why = "why") => {
    if (error === undefined) {
      call.reply.next({ stored: 0, duplicates: 0 });
      call.reply.complete();
    } else call.reply.error(statusError(error, why));
    await turns();
  };
  return { calls, log, told, start, answer };
}

describe("Pusher", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    // Waits are then as long as they can be.
    vi.spyOn(Math, "random").mockReturnValue(1);
  });
  afterEach(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  it("sends what there is and what comes, in calls of 5 s, and waits between them for more", async () => {
    const { calls, log, start, answer } = pushing();
    for (const each of metrics(1, 3)) log.add(each);
    const pusher = start();
    await turns();
    expect(steps(calls[0]!.batches)).toEqual([1, 2, 3]);
    expect(calls[0]!.deadline).toBe(25_000);
    log.add(metric(4));
    pusher.wake();
    await turns();
    expect(steps(calls[0]!.batches)).toEqual([1, 2, 3, 4]);
    await vi.advanceTimersByTimeAsync(4999);
    expect(calls[0]!.sent).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(calls[0]!.sent).toBe(true);
    await answer(calls[0]!);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(calls).toHaveLength(1);
    log.add(metric(5));
    pusher.wake();
    await turns();
    expect(calls[1]!.batches.map(({ sequence }) => sequence)).toEqual([5]);
    const closing = pusher.close(1000);
    await turns();
    expect(calls[1]!.sent).toBe(true);
    await answer(calls[1]!);
    expect(await closing).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("sends again what a call did not confirm, after waits that double, and tells each trouble once", async () => {
    const { calls, log, told, start, answer } = pushing();
    log.add(metric(1));
    const pusher = start();
    await turns();
    for (const [i, wait] of [500, 1000, 2000, 4000, 8000, 15_000, 15_000].entries()) {
      await answer(calls[i]!, status.UNAVAILABLE);
      await vi.advanceTimersByTimeAsync(wait - 1);
      expect(calls).toHaveLength(i + 1);
      await vi.advanceTimersByTimeAsync(1);
      expect(calls).toHaveLength(i + 2);
      expect(steps(calls[i + 1]!.batches)).toEqual([1]);
    }
    const trouble = (name: string) =>
      `warning: the monitor M does not take metrics (${name}: why); they are kept and sent once it does`;
    expect(told).toEqual([trouble("UNAVAILABLE")]);
    await answer(calls.at(-1)!, status.RESOURCE_EXHAUSTED);
    await vi.advanceTimersByTimeAsync(15_000);
    await answer(calls.at(-1)!);
    expect(told.slice(1)).toEqual([trouble("RESOURCE_EXHAUSTED"), "the monitor M takes metrics again"]);
    // All begins anew: the wait is short, and the trouble told again.
    log.add(metric(2));
    pusher.wake();
    await turns();
    await answer(calls.at(-1)!, status.UNAVAILABLE);
    expect(told).toHaveLength(4);
    const before = calls.length;
    await vi.advanceTimersByTimeAsync(500);
    expect(calls).toHaveLength(before + 1);
    const closing = pusher.close(0);
    await turns();
    expect(await closing).toBe(false);
  });

  it("ends its wait at once when it is to end, and then tries in short waits", async () => {
    const { calls, log, start, answer } = pushing();
    log.add(metric(1));
    const pusher = start();
    await turns();
    for (const wait of [500, 1000, 2000]) {
      await answer(calls.at(-1)!, status.UNAVAILABLE);
      await vi.advanceTimersByTimeAsync(wait);
    }
    await answer(calls.at(-1)!, status.UNAVAILABLE);
    expect(calls).toHaveLength(4);
    const closing = pusher.close(5000);
    await turns();
    expect(calls).toHaveLength(5);
    await answer(calls[4]!, status.UNAVAILABLE);
    await vi.advanceTimersByTimeAsync(499);
    expect(calls).toHaveLength(5);
    await vi.advanceTimersByTimeAsync(1);
    expect(calls).toHaveLength(6);
    await answer(calls[5]!);
    expect([await closing, vi.getTimerCount()]).toEqual([true, 0]);
  });

  it.each([status.UNAUTHENTICATED, status.PERMISSION_DENIED, status.UNIMPLEMENTED, status.INVALID_ARGUMENT])(
    "does not try again to the end what another attempt does not change (status %i)",
    async (code) => {
      const { calls, log, start, answer } = pushing();
      log.add(metric(1));
      const pusher = start();
      await turns();
      const closing = pusher.close(5000);
      await turns();
      await answer(calls[0]!, code);
      expect([await closing, calls.length, vi.getTimerCount()]).toEqual([false, 1, 0]);
    },
  );

  it("leaves a call that the monitor does not answer when its time is over, and says nothing of it", async () => {
    const { calls, log, told, start } = pushing();
    log.add(metric(1));
    const pusher = start();
    await turns();
    const closing = pusher.close(300);
    await vi.advanceTimersByTimeAsync(299);
    expect(calls[0]!.left).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect([await closing, calls[0]!.left, calls.length, told]).toEqual([false, true, 1, []]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("has nothing to send to the end where nothing waits", async () => {
    const { calls, start } = pushing();
    const pusher = start();
    await turns();
    expect([await pusher.close(1000), calls, vi.getTimerCount()]).toEqual([true, [], 0]);
  });

  it("leaves out the oldest of more bytes than may wait, up to the first line within them", async () => {
    const { calls, log, told, start } = pushing({ limit: 200 });
    for (const each of metrics(1, 9)) log.add(each);
    const line = log.end.offset / 9;
    const kept = Math.floor(200 / line);
    const pusher = start();
    await turns();
    expect(steps(calls[0]!.batches)).toEqual(metrics(10 - kept, 9).map(({ step }) => step));
    expect(calls[0]!.batches[0]!.sequence).toBe(10 - kept);
    expect(told).toEqual([
      `warning: the monitor M does not get ${9 - kept} metrics: more than 200 bytes wait for it; they are in ${log.path}`,
    ]);
    const closing = pusher.close(0);
    await turns();
    await closing;
  });

  it("says how many places before a batch hold no metric", async () => {
    const { calls, log, start } = pushing();
    for (const each of metrics(1, 9)) log.add(each);
    log.blank(({ step }) => step === 1 || step === 2 || step === 6);
    const pusher = start();
    await turns();
    const places = calls[0]!.batches.map(({ sequence, dropped }) => [sequence, dropped]);
    expect(places).toEqual([
      [3, 2],
      [7, 1],
    ]);
    const closing = pusher.close(0);
    await turns();
    await closing;
  });

  it("catches up in calls of bounded size, one after another", async () => {
    const { calls, log, start, answer } = pushing({ callBytes: 60_000 });
    for (const each of metrics(1, 2000)) log.add(each);
    const line = log.end.offset / 2000;
    const pusher = start();
    const closing = pusher.close(5000);
    await turns();
    for (let i = 0; i < calls.length; i++) {
      expect(calls[i]!.sent).toBe(true);
      // The batch that reaches the bound is the last of its call.
      expect(steps(calls[i]!.batches).length * line).toBeLessThan(60_000 + 256 * line + 2000);
      await answer(calls[i]!);
    }
    expect(calls.length).toBeGreaterThan(2);
    expect(calls.flatMap(({ batches }) => steps(batches))).toEqual(metrics(1, 2000).map(({ step }) => step));
    expect(await closing).toBe(true);
  });

  it("says what to set where a proxy refuses a call", async () => {
    const { calls, log, told, start, answer } = pushing();
    log.add(metric(1));
    const pusher = start();
    await turns();
    await answer(calls[0]!, status.UNKNOWN, "Received HTTP status code 413");
    expect(told[0]).toContain("413; a proxy refuses the size of a call: in nginx set client_max_body_size");
    const closing = pusher.close(0);
    await turns();
    await closing;
  });
});
