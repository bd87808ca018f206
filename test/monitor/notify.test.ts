import { createServer } from "node:http";
import { once } from "node:events";
import { join } from "node:path";
import type { AddressInfo } from "node:net";
import { Subject } from "rxjs";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Entry, StateEntry } from "../../src/metrics/metric.ts";
import { parseRunState, type RunPhase } from "../../src/metrics/run-state.ts";
import { MetricLog } from "../../src/monitor/metric-log.ts";
import { parseCrossing } from "../../src/monitor/notify/crossing.ts";
import { notify, runNotify } from "../../src/monitor/notify/notify.ts";
import { Occasions, type Notice } from "../../src/monitor/notify/occasions.ts";
import { Poster } from "../../src/monitor/notify/poster.ts";
import { metric, temporaryFolder, TIME } from "./fixture.ts";

/** A server that answers with these statuses in turn, then 200; what it was sent. */
async function receiver(...statuses: number[]) {
  const got: Notice[] = [];
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (more) => (text += String(more)));
    request.on("end", () => {
      const status = statuses.shift() ?? 200;
      if (status === 200) got.push(JSON.parse(text) as Notice);
      if (status > 0) response.writeHead(status).end();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { got, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret` };
}

const place = { runId: "run", node: "n", sequence: 1 };
const value = (value: number, step = 1, name = "eval/bound"): Entry => ({ ...place, metric: { ...metric(step, name), value } }); // prettier-ignore
const state = (phase: RunPhase, more: object = {}): StateEntry => ({
  ...place,
  state: parseRunState({ phase, time: TIME, step: 7, pipeline: "count", ...more })!,
});

describe("a line that a metric may cross", () => {
  it("is a name, a side and a number", () => {
    expect(parseCrossing("eval/bound>4")).toEqual({ metric: "eval/bound", above: true, limit: 4 });
    expect(parseCrossing(" machine/disk_free_bytes < 1e9 ")).toEqual({ metric: "machine/disk_free_bytes", above: false, limit: 1e9 }); // prettier-ignore
    expect(["eval/bound", "eval/bound>", ">4", "a>b", "a=4", "a>4x"].map(parseCrossing)).toEqual(Array.from({ length: 6 })); // prettier-ignore
  });
});

describe("occasions", () => {
  const lines = ["eval/bound>4", "train/loss<0.1"].map((text) => parseCrossing(text)!);

  it("are the first value beyond a line, and the first after it was not", () => {
    const occasions = new Occasions(lines);
    const told = [3, 4, 4.5, 5, NaN, 3, 6].flatMap((each, step) => occasions.take([value(each, step)]));
    expect(told.map(({ event, step, value, line }) => [event, step, value, line])).toEqual([
      ["crossed", 2, 4.5, "eval/bound>4"],
      ["crossed", 6, 6, "eval/bound>4"],
    ]);
    expect(told[0]!.text).toBe("run: eval/bound is 4.5 at step 2 (eval/bound>4)");
    expect(occasions.take([value(0.05, 9, "train/loss"), { ...value(7), node: "other" }])).toHaveLength(2);
  });

  it("are the end of a run, its failure with the remedy, and its loss, once each", () => {
    const occasions = new Occasions([]);
    const beats = [state("training"), state("lost"), state("lost"), state("training"), state("failed", { error: "no", remedy: "do" }), state("failed")]; // prettier-ignore
    const told = beats.flatMap((each) => occasions.take([each]));
    expect(told.map(({ text }) => text)).toEqual([
      "run is lost: nothing was heard for 30 s, step 7",
      "run has failed, step 7: no",
    ]);
    const stepwise = occasions.take([state("starting"), state("failed", { error: "step 7: the loss is NaN" })]);
    expect(stepwise[0]!.text).toBe("run has failed: step 7: the loss is NaN");
    expect(told[1]).toMatchObject({ event: "failed", pipeline: "count", error: "no", remedy: "do", node: "n", time: TIME }); // prettier-ignore
    expect(occasions.take([state("starting"), state("finished")])).toMatchObject([{ event: "finished" }]);
  });

  it("are not what is known already", () => {
    const occasions = new Occasions([]);
    occasions.remember([state("finished")]);
    expect(occasions.take([state("finished")])).toEqual([]);
  });
});

describe("notify", () => {
  it("posts a run's crossing and its end from its record, and not those of the past", async () => {
    const { got, url } = await receiver();
    const log = new MetricLog(join(temporaryFolder(), "metrics.jsonl"), { runId: "run", node: "n" });
    log.addState(state("finished").state);
    const target = { urls: [url], lines: [parseCrossing("eval/bound>4")!] };
    const told: string[] = [];
    const follower = await runNotify({ ...target, path: log.path, ...log.owner }, (text) => told.push(text));
    log.addState(state("starting").state);
    log.add({ ...metric(3, "eval/bound"), value: 5 });
    follower.refresh();
    log.addState(state("finished").state);
    await follower.close(5000);
    expect(got.map(({ event, run }) => [event, run])).toEqual([["crossed", "run"], ["finished", "run"]]); // prettier-ignore
    expect(told).toEqual([]);
  });

  it("tells nothing that was known before, and hears nothing once it has ended", async () => {
    const { got, url } = await receiver();
    const live = new Subject<readonly Entry[]>();
    const end = notify({ urls: [url], lines: [] }, { live, states: () => [state("finished")] }, () => {});
    live.next([state("finished")]);
    await end(5000);
    expect([got, live.observed]).toEqual([[], false]);
  });

  it("tells the loss of a run that was heard of within a day, and of no older one", async () => {
    const { got, url } = await receiver();
    const ago = (hours: number, runId: string, phase: RunPhase = "training") => {
      const time = new Date(Date.now() - 3600_000 * hours).toISOString();
      return { ...state(phase, { time }), runId };
    };
    const live = new Subject<readonly Entry[]>();
    const states = () => [ago(25, "old"), ago(23, "new"), ago(25, "back")];
    const end = notify({ urls: [url], lines: [] }, { live, states }, () => {});
    live.next([ago(25, "old", "lost"), ago(23, "new", "lost"), ago(25, "back", "lost")]);
    // One that goes on is news again.
    live.next([ago(0, "back"), ago(0, "back", "lost")]);
    await end(5000);
    expect(got.map(({ run, event }) => [run, event])).toEqual([["new", "lost"], ["back", "lost"]]); // prettier-ignore
  });

  it("tells every address of a loss", async () => {
    const [a, b] = [await receiver(), await receiver()];
    const live = new Subject<readonly Entry[]>();
    const end = notify(
      { urls: [a.url, b.url], lines: [] },
      { live, states: () => [state("training", { time: new Date().toISOString() })] },
      () => {},
    );
    live.next([state("lost")]);
    await end(5000);
    expect([a, b].map(({ got }) => got.map(({ event }) => event))).toEqual([["lost"], ["lost"]]);
  });
});

describe("Poster", () => {
  const poster = (url: string, more: object = {}) => {
    const told: string[] = [];
    return { told, poster: new Poster({ url, tell: (text) => told.push(text), delays: [1, 2], ...more }) };
  };

  it("tries again until it is taken, in order", async () => {
    const { got, url } = await receiver(503, 429, 408);
    const { poster: post, told } = poster(url);
    post.post({ text: "a" });
    post.post({ text: "b" });
    await post.close(5000);
    expect([got.map(({ text }) => text), told]).toEqual([["a", "b"], []]);
  });

  it("does not repeat what is refused, and says so without the address's secret part", async () => {
    const { got, url } = await receiver(404);
    const { poster: post, told } = poster(url);
    post.post({});
    await post.close(5000);
    expect(got).toEqual([]);
    expect(told).toEqual([`warning: a notice did not reach ${new URL(url).host}: status 404`]);
  });

  it("gives up after six attempts, and on a server that is not there", async () => {
    const { url } = await receiver(500, 500, 500, 500, 500, 500);
    const { poster: post, told } = poster(url);
    post.post({});
    await post.close(5000);
    expect(told).toEqual([`warning: a notice did not reach ${new URL(url).host}: status 500; 6 attempts`]);
    const gone = poster("http://127.0.0.1:9/");
    gone.poster.post({});
    await gone.poster.close(5000);
    expect(gone.told[0]).toMatch(/did not reach 127.0.0.1:9: .+; 6 attempts/);
  });

  it("waits at the end only as long as it may, for a server that does not answer", async () => {
    const { url } = await receiver(-1, -1, -1, -1, -1, -1, -1);
    const { poster: post, told } = poster(url, { limit: 60_000 });
    const begun = performance.now();
    post.post({});
    expect(performance.now() - begun).toBeLessThan(200);
    await post.close(100);
    expect(performance.now() - begun).toBeLessThan(3000);
    expect(told).toHaveLength(1);
  });

  it("tries at once when the run ends, however long it would have waited", async () => {
    const { got, url } = await receiver(503);
    const { poster: post } = poster(url, { delays: [60_000, 60_000] });
    post.post({ text: "a" });
    await new Promise((resolve) => setTimeout(resolve, 100));
    await post.close(5000);
    expect(got).toHaveLength(1);
  });

  it("keeps the newest hundred", async () => {
    const { got, url } = await receiver();
    const { poster: post, told } = poster(url);
    for (let i = 0; i < 103; i++) post.post({ text: String(i) });
    await post.close(10_000);
    expect([got.length, got[0]!.text, got[1]!.text, told.length]).toEqual([101, "0", "3", 2]);
  });
});
