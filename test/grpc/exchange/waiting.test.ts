import { expect, it } from "vitest";
import { othersGone } from "../../../src/grpc/exchange/waiting.ts";
import { startNode } from "./fixture.ts";
import { stranger } from "./stranger.ts";

/** ms that no test waits. */
const LONG = 1e9;

it("waits until others have gone, within its limit, and within another one once it is told to stop", async () => {
  const stop = new AbortController();
  let looks = 0;
  const leaving = () => ++looks < 3;
  await othersGone(leaving, { deadline: LONG, signal: stop.signal });
  expect(looks).toBe(3);
  await othersGone(() => true, { deadline: 20, signal: stop.signal });
  const gone = othersGone(() => true, { deadline: LONG, signal: stop.signal, grace: 20 });
  stop.abort();
  await gone;
  looks = 0;
  await othersGone(leaving, { deadline: LONG, signal: stop.signal, grace: LONG });
  expect(looks).toBe(3);
});

it("ends the first node when it is told to stop, though another does not leave after the last step", async () => {
  const stop = new AbortController();
  const node = startNode({ to: 0, world: 2, deadline: 60_000, signal: stop.signal });
  // It has a view, and stays.
  await stranger(await node.endpoint);
  stop.abort();
  expect((await node.ended).error).toBeUndefined();
}, 20_000);
