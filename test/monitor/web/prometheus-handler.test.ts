import { utimesSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { expect, it, vi } from "vitest";
import type { Feed } from "../../../src/monitor/feed.ts";
import { prometheusHandler } from "../../../src/monitor/web/prometheus-handler.ts";
import { metric, metrics, recordedRun, temporaryFolder } from "../fixture.ts";
import { webRun } from "./fixture.ts";

const now = () => ({ time: new Date().toISOString() });
const lineOf = (name: string) => `${JSON.stringify({ ...metric(1, name), ...now() })}\n`;

/** Asks a handler without a server, whose connection would take turns of its own. */
function asked(feed: Feed): Promise<string> {
  const handler = prometheusHandler(feed);
  return new Promise((end) => {
    const response = { setHeader() {}, writeHead: () => response, end };
    handler({ method: "GET" } as IncomingMessage, response as unknown as ServerResponse<IncomingMessage>);
  });
}

it("answers once a record that could not be read can be read again", async () => {
  const { feed } = recordedRun(temporaryFolder(), metrics(1, 3));
  vi.spyOn(feed, "logs").mockImplementationOnce(() => {
    throw new Error("EIO: i/o error, read");
  });
  const source = { feed, workdir: () => undefined };
  const { get } = await webRun([], { source, metrics: prometheusHandler(feed) });
  expect([(await get("/metrics")).status, (await get("/metrics")).status]).toEqual([500, 200]);
});

it("leaves others their turns while it reads a long record, and takes what comes meanwhile", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "metrics.jsonl"), lineOf("train/loss").repeat(60_000));
  const { feed, reader, write } = recordedRun(folder);
  const begun = new Promise<void>((begin) => {
    vi.spyOn(feed, "logs").mockImplementationOnce(() => (begin(), [reader]));
  });
  let text: string | undefined;
  const answer = asked(feed).then((answered) => (text = answered));
  await begun;
  let turns = 0;
  for (; text === undefined; turns++) {
    if (turns === 2) write([{ ...metric(2, "eval/bpd"), ...now() }]);
    await setImmediate();
  }
  await answer;
  expect(turns).toBeGreaterThan(4);
  expect(text).toContain("scorestream_train_loss{");
  expect(text).toContain("scorestream_eval_bpd{");
});

it("does not read records to which nothing was written for long", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "metrics.jsonl"), lineOf("train/loss"));
  const { feed, reader, path } = recordedRun(folder);
  const read = vi.spyOn(reader, "batchesInTurns");
  const before = Date.now() / 1000 - 600;
  utimesSync(path, before, before);
  expect(await asked(feed)).not.toContain("scorestream_train_loss{");
  expect(read).not.toHaveBeenCalled();
});
