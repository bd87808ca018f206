/** Answers by their path and query, without a server. */
import type { ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import { Archive } from "../../../src/monitor/archive.ts";
import { FeedLimit } from "../../../src/monitor/web/feed-limit.ts";
import { frames } from "../../../src/monitor/web/frames.ts";
import { json, refusal, reply, sendReply } from "../../../src/monitor/web/reply.ts";
import { answer } from "../../../src/monitor/web/routes.ts";
import { Thinner } from "../../../src/monitor/web/thin.ts";
import { batch, collect, entry, metric, metrics, recordedRun, temporaryFolder } from "../fixture.ts";

/** What an answer writes. */
function answered(path: string, archive = new Archive(temporaryFolder())) {
  const written = { status: 0, headers: {} as Record<string, unknown>, body: "" as unknown };
  const response = {
    writeHead: (status: number, headers: Record<string, unknown>) => Object.assign(written, { status, headers }),
    end: (body: unknown) => (written.body = body),
    on: () => {},
    once: () => {},
    write: () => true,
    req: { method: "GET", socket: {}, headers: {} },
  };
  archive.close();
  const source = { feed: archive, workdir: () => undefined };
  answer(source, new URL(path, "http://page"), response as unknown as ServerResponse, { feeds: new FeedLimit() });
  return written;
}

describe("paths", () => {
  it.each([
    ["/", 200, "text/html; charset=utf-8"],
    ["/icon.svg", 200, "image/svg+xml"],
    ["/api/runs", 200, "application/json; charset=utf-8"],
    ["/api/feed", 200, "text/event-stream; charset=utf-8"],
    ["/api/feed/more", 404, "text/plain; charset=utf-8"],
    ["/api/runs/none", 404, "text/plain; charset=utf-8"],
    ["/api/other", 404, "text/plain; charset=utf-8"],
    ["/other/feed", 404, "text/plain; charset=utf-8"],
  ])("%s is %d", (path, status, type) => {
    const { status: found, headers } = answered(path);
    expect([found, headers["Content-Type"]]).toEqual([status, type]);
  });

  it("of a run on another machine have its name, and nothing else", () => {
    const status = (path: string) => {
      const archive = new Archive(temporaryFolder());
      archive.accept(batch(1, 1, { runId: "a/b" }));
      return answered(path, archive);
    };
    expect(status("/api/runs/a%2Fb").body).toBe('{"run":"a/b","files":null}\n');
    expect(status("/api/runs").body).toBe('["a/b"]\n');
    for (const path of ["a%2Fb/config", "a%2Fb/log", "a%2Fb/samples/x.png", "a%2Fb/samples/x/y", "a/b"]) {
      expect(status(`/api/runs/${path}`).status, path).toBe(404);
    }
  });

  it.each(["points=1", "points=1000001", "points=-5", "points=x", "points=", "from=", "from=1,run", "from=1,a,b,c", "from=1234567890123456", "from=-1"])(
    "a feed is refused with %s",
    (query) => expect(() => answered(`/api/feed?${query}`)).toThrow(RangeError),
  ); // prettier-ignore

  it.each(["points=2", "points=1000000", "from=0", "from=123456789012345", "from=7,run,node", "run=a&run=b"])(
    "a feed is given with %s",
    (query) => expect(answered(`/api/feed?${query}`).status).toBe(200),
  );
});

describe("answers in one piece", () => {
  it("have their kind, their length in bytes, and headers that keep others out", () => {
    const written: unknown[] = [];
    const response = {
      writeHead: (...head: unknown[]) => written.push(head),
      end: (body: unknown) => written.push(body),
    };
    sendReply(response as unknown as ServerResponse, reply("text", "ä\n", { status: 201, headers: { Allow: "GET" } }));
    expect(written).toEqual([
      [
        201,
        {
          "Content-Security-Policy":
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
            "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
          "X-Content-Type-Options": "nosniff",
          "X-Frame-Options": "DENY",
          "Referrer-Policy": "no-referrer",
          "Cross-Origin-Opener-Policy": "same-origin",
          "Cross-Origin-Resource-Policy": "same-origin",
          "Cache-Control": "no-store",
          "Content-Type": "text/plain; charset=utf-8",
          Allow: "GET",
          "Content-Length": 3,
        },
      ],
      "ä\n",
    ]);
    expect(json({ a: 1 })).toMatchObject({ status: 200, body: '{"a":1}\n' });
    expect(refusal(404, "no", { Location: "/" })).toMatchObject({ status: 404, body: "no\n", headers: { Location: "/" } }); // prettier-ignore
  });
});

describe("frames", () => {
  it("go on from a place, in groups of one node and 256 at most", async () => {
    const archive = new Archive(temporaryFolder());
    archive.accept(batch(1, 300));
    archive.accept(batch(1, 3, { node: "b" }));
    archive.close();
    const of = async (points?: number) => {
      const from = (_: string, node: string) => (node === "b" ? 3 : 2);
      const found = await collect(frames(archive, { runs: [], from, points }));
      return found.map(({ run, node, first, last, dropped, metrics }) => [run, node, first, last, dropped, metrics.length]); // prettier-ignore
    };
    const expected = [
      ["run", "node", 2, 256, 0, 255],
      ["run", "node", 257, 300, 0, 44],
      ["run", "b", 3, 3, 0, 1],
    ];
    expect(await of()).toEqual(expected);
    expect(await of(1000)).toEqual([["run", "node", 2, 257, 0, 256], ["run", "node", 258, 300, 0, 43], expected[2]]); // prettier-ignore
  });

  it("end at once when closed, both the past and what comes, and tell what was lost", async () => {
    const { feed, write } = recordedRun(temporaryFolder(), metrics(1, 3));
    const watched = frames(feed, { runs: [], from: () => 0 }, 2);
    write(metrics(4, 8));
    const found = watched[Symbol.asyncIterator]();
    expect((await found.next()).value).toMatchObject({ first: 1, last: 3, dropped: 0 });
    expect((await found.next()).value).toMatchObject({
      first: 7,
      last: 8,
      dropped: 3,
      metrics: [metric(7), metric(8)],
    });
    watched.close();
    expect(feed.live.observed).toBe(false);
    expect((await found.next()).done).toBe(true);
    const closed = frames(feed, { runs: [], from: () => 0 });
    closed.close();
    expect(await collect(closed)).toEqual([]);
  });
});

it("a thinned series keeps every second entry each time that it is full, the first and the last", () => {
  const thinner = new Thinner(4);
  const kept = (to: number) => {
    const own = new Thinner(4);
    for (let i = 1; i <= to; i++) own.add(entry(i));
    return own.entries().map(({ sequence }) => sequence);
  };
  expect([1, 3, 4, 5, 6, 7, 8, 9].map(kept)).toEqual([
    [1],
    [1, 2, 3],
    [1, 3, 4],
    [1, 3, 5],
    [1, 3, 5, 6],
    [1, 5, 7],
    [1, 5, 8],
    [1, 5, 9],
  ]);
  expect(thinner.entries()).toEqual([]);
  for (const points of [1, 2.5]) expect(() => new Thinner(points)).toThrow(`points must be an integer from 2, got ${points}`); // prettier-ignore
});
