import { connect as connectSocket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { Archive } from "../../../src/monitor/archive.ts";
import type { MetricEntry } from "../../../src/metrics/metric.ts";
import { RunFeed } from "../../../src/monitor/feed.ts";
import { MetricLog } from "../../../src/monitor/metric-log.ts";
import { frames } from "../../../src/monitor/web/frames.ts";
import { PageStore } from "../../../src/monitor/web/page/store.ts";
import { Thinner } from "../../../src/monitor/web/thin.ts";
import { batch, collect, entry, metric, metrics, recordedRun, temporaryFolder, TIME } from "../fixture.ts";
import { eventsOf, readFrames, stepsOf, webRun } from "./fixture.ts";

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe("/api/feed", () => {
  it("gives the past, then what comes, nothing twice, and tells the end", async () => {
    const { get, write, close } = await webRun(metrics(1, 600));
    const response = await get("/api/feed");
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    const names: string[] = [];
    const steps: number[] = [];
    for await (const { name, data } of eventsOf(response)) {
      names.push(name);
      if (name === "metrics") steps.push(...stepsOf([data as never]));
      if (steps.length === 600) write(metrics(601, 603));
      if (steps.length === 603 && name === "metrics") void close(5000);
    }
    expect(steps).toEqual(range(1, 603));
    expect([names[0], names.at(-1)]).toEqual(["hello", "end"]);
  });

  it("goes on from a sequence, for all nodes or for one", async () => {
    const archive = new Archive(temporaryFolder());
    archive.accept(batch(1, 5, { runId: "a,b", node: "x" }));
    archive.accept(batch(1, 5, { runId: "a,b", node: "y" }));
    const { get } = await webRun([], { source: { feed: archive, workdir: () => undefined } });
    archive.close();
    const of = async (query: string) =>
      (await readFrames(await get(`/api/feed?${query}`))).map(({ node, first, last }) => [node, first, last]);
    expect(await of("from=4")).toEqual([["x", 4, 5], ["y", 4, 5]]); // prettier-ignore
    const one = encodeURIComponent(`6,${encodeURIComponent("a,b")},x`);
    expect(await of(`from=${one}`)).toEqual([["y", 1, 5]]);
    expect(await of(`from=3&from=${one}`)).toEqual([["y", 3, 5]]);
    expect(await of("run=other")).toEqual([]);
  });

  it("writes what is not finite as null, and names with any sign", async () => {
    const odd = { ...metric(1, 'a "name"\n</script>'), value: NaN };
    const { get } = await webRun([odd]);
    const [frame] = await readFrames(await get("/api/feed"), 1);
    expect(frame!.metrics).toEqual([{ ...odd, value: null }]);
  });

  it("holds a bounded number of metrics for a watcher that does not read, the newest, and tells what it lost", async () => {
    const { endpoint, write } = await webRun([], { watchLimit: 50 });
    const socket = connectSocket(endpoint.port, endpoint.host);
    onTestFinished(() => void socket.destroy());
    let text = "";
    await new Promise<void>((resolve) => {
      socket.on("data", (chunk) => {
        text += chunk.toString();
        if (text.includes("event: hello")) resolve();
      });
      socket.write(`GET /api/feed HTTP/1.1\r\nHost: ${endpoint.host}\r\n\r\n`);
    });
    socket.pause();
    // More than the buffers of both sockets hold.
    const total = 100_000;
    for (let step = 1; step <= total; step += 5000) {
      write(metrics(step, step + 4999));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const found = new Promise<void>((resolve) => {
      socket.on("data", () => text.includes(`"last":${total}`) && resolve());
    });
    socket.resume();
    await found;
    const lost = [...text.matchAll(/"dropped":(\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
    const got = [...text.matchAll(/"step":/g)].length;
    expect(lost).toBeGreaterThan(0);
    expect(got + lost).toBe(total);
  });

  it("lets go of a watcher that leaves", async () => {
    const { get, feed } = await webRun(metrics(1, 3));
    await readFrames(await get("/api/feed"), 3);
    while (feed.live.observed) await new Promise((resolve) => setImmediate(resolve));
    expect(feed.live.observed).toBe(false);
  });
});

describe("frames", () => {
  it("loses and doubles nothing that is written while the past is read", async () => {
    const { feed, write } = recordedRun(temporaryFolder(), metrics(1, 1000));
    const watched = frames(feed, { runs: [], from: () => 0, points: 2000 });
    write(metrics(1001, 1100));
    setTimeout(() => (write(metrics(1101, 1200)), feed.close()));
    expect(stepsOf(await collect(watched))).toEqual(range(1, 1200));
  });

  it.each([undefined, 100])(
    "tells how far a run is before its past, of which nothing is left out (points: %s)",
    async (points) => {
      const { feed, write, tell } = recordedRun(temporaryFolder(), metrics(1, 20));
      tell({ phase: "finished", time: TIME });
      const again = new RunFeed(new MetricLog(feed.logs()[0]!.path, { runId: "run", node: "node" }));
      const store = new PageStore();
      const phases: (string | undefined)[] = [];
      const watched = frames(again, { runs: [], from: () => 0, points });
      write(metrics(21, 22));
      again.close();
      for await (const frame of watched) {
        store.add(frame);
        phases.push(store.nodes("run")[0]!.state?.phase);
      }
      expect(phases.length).toBeGreaterThan(2);
      expect(new Set(phases)).toEqual(new Set(["finished"]));
      expect(store.nodes("run")[0]!.series.get("train/loss")!.steps).toEqual(range(1, 22));
      expect(await collect(frames(again, { runs: ["other"], from: () => 0, points }))).toEqual([]);
    },
  );

  it("thins the past of every metric, and gives what comes whole", async () => {
    const { feed, write } = recordedRun(temporaryFolder(), range(1, 3000).flatMap((step) => [metric(step), metric(step, "rare")].slice(0, step % 100 === 0 ? 2 : 1))); // prettier-ignore
    const watched = frames(feed, { runs: [], from: () => 0, points: 100 });
    write(metrics(3001, 3020));
    feed.close();
    const found = (await collect(watched)).flatMap(({ metrics }) => metrics);
    const steps = (name: string) => found.filter((each) => each.name === name).map(({ step }) => step);
    expect(steps("rare")).toEqual(range(1, 30).map((i) => 100 * i));
    const past = steps("train/loss").filter((step) => step <= 3000);
    expect(past.length).toBeGreaterThan(45);
    expect(past.length).toBeLessThanOrEqual(100);
    expect([past[0], past.at(-1)]).toEqual([1, 3000]);
    expect(steps("train/loss").slice(past.length)).toEqual(range(3001, 3020));
  });
});

describe("Thinner", () => {
  it.each([1, 2, 3, 9, 10, 11, 100, 1000, 12_345])("keeps at most 10 of %d, the first and the last", (count) => {
    const thinner = new Thinner(10);
    for (let i = 1; i <= count; i++) thinner.add(entry(i));
    const kept = thinner.entries().map(({ sequence }) => sequence);
    expect(kept.length).toBeLessThanOrEqual(10);
    expect(kept.length).toBeGreaterThanOrEqual(Math.min(count, 5));
    expect([kept[0], kept.at(-1)]).toEqual([1, count]);
    // Evenly: but for the last, all steps are of one length.
    expect(new Set(kept.slice(1, -1).map((at, i) => at - kept[i]!)).size).toBeLessThanOrEqual(1);
  });

  it("keeps nodes apart", () => {
    const thinner = new Thinner(2);
    const entries: MetricEntry[] = [entry(1), entry(1, { node: "b" }), entry(2), entry(2, { node: "b" })];
    entries.forEach((each) => thinner.add(each));
    expect(thinner.entries().map(({ node, sequence }) => [node, sequence])).toEqual([["node", 1], ["node", 2], ["b", 1], ["b", 2]]); // prettier-ignore
  });
});
