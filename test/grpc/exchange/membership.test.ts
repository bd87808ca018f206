import { expect, it } from "vitest";
import { Bell } from "../../../src/base/bell.ts";
import { ListeningClock } from "../../../src/exchange/machine.ts";
import type { Hello } from "../../../src/exchange/messages.ts";
import type { ExchangeClient } from "../../../src/grpc/exchange/client.ts";
import { Membership } from "../../../src/grpc/exchange/membership.ts";

it("waits for no farewell where nobody has answered", async () => {
  const done: string[] = [];
  const act = (name: string) => () => void done.push(name);
  const attendance = { send: act("send"), end: act("end"), cancel: act("cancel") };
  const client = { attend: () => attendance, renew: act("renew") } as unknown as ExchangeClient;
  const nothing = () => {};
  const membership = new Membership({
    way: { kind: "join", client, address: "a:1", hello: () => ({}) as Hello },
    ...{ clock: new ListeningClock(), moved: new Bell(), deadline: 0, step: 0, to: 3, steps: 1, verifyEvery: 0 },
    ...{ hash: () => "", digest: () => "", onEndView: nothing, tell: nothing, save: nothing },
  });
  membership.tell({ type: "start" });
  // Nobody has answered within the deadline.
  membership.tell({ type: "tick" });
  expect(membership.failure?.message).toContain("no answer within 0 s");
  const left = membership.leave().then(act("left"));
  await new Promise(setImmediate);
  expect(done).toEqual(["cancel", "left"]);
  await left;
});
