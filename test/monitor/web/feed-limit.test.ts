/** Feeds of one client, and of all. */
import type { IncomingMessage } from "node:http";
import { expect, it } from "vitest";
import { FeedLimit } from "../../../src/monitor/web/feed-limit.ts";
import { metrics } from "../fixture.ts";
import { webRun } from "./fixture.ts";

const from = (address: string, forwarded?: string) =>
  ({
    socket: { remoteAddress: address },
    headers: forwarded === undefined ? {} : { "x-forwarded-for": forwarded },
  }) as unknown as IncomingMessage;

it("a client may have 16 feeds, each browser behind a proxy is a client, and all together 256", () => {
  const limit = new FeedLimit();
  const closing: (() => void)[] = [];
  const take = (request: IncomingMessage) => limit.take(request, (done) => closing.push(done));
  for (let i = 0; i < 16; i++) expect(take(from("10.0.0.1"))).toBeUndefined();
  expect(take(from("10.0.0.1"))).toMatch(/^16 feeds of this client/);
  closing[0]!();
  expect(take(from("10.0.0.1"))).toBeUndefined();
  expect(take(from("10.0.0.1"))).toMatch(/^16 feeds/);
  // The proxy's own entry is the last; what the client claims stands before it.
  for (let i = 0; i < 16; i++) expect(take(from("::1", `${i}, 10.0.0.2`))).toBeUndefined();
  expect(take(from("::1", "17, 10.0.0.2"))).toMatch(/^16 feeds/);
  for (let i = 0; i < 256 - 32; i++) expect(take(from("::1", `10.1.0.${i}`))).toBeUndefined();
  expect(take(from("::1", "10.2.0.1"))).toMatch(/^256 feeds are open/);
});

it("the page refuses the seventeenth feed of a client, and has room again when one is closed", async () => {
  const { get } = await webRun(metrics(1, 3));
  const open = await Promise.all(Array.from({ length: 16 }, () => get("/api/feed?points=10")));
  expect(open.map(({ status }) => status)).toEqual(Array(16).fill(200));
  const refused = await get("/api/feed");
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "15"]);
  expect(await refused.text()).toBe("16 feeds of this client are open: close a page or a reader\n");
  await open[0]!.body!.cancel();
  await expect.poll(async () => (await get("/api/feed")).status).toBe(200);
  await Promise.all(open.slice(1).map(({ body }) => body!.cancel()));
});
