import { EventEmitter } from "node:events";
import { expect, it } from "vitest";
import { rangeBytes } from "../../../src/grpc/flight/row-range.ts";
import { flightHandlers } from "../../../src/grpc/flight/service.ts";
import { Slots } from "../../../src/grpc/flight/slots.ts";
import { endless, PATH } from "./fixture.ts";

it("a reader that stands still for a minute gives way to another, the one that stands longest first", () => {
  let time = 0;
  const slots = new Slots(2, () => time);
  const said: string[] = [];
  const take = (name: string) => {
    try {
      return slots.take(({ details }) => said.push(`${name}: ${details}`));
    } catch (error) {
      said.push(`${name}: ${(error as Error).message}`);
      return undefined;
    }
  };
  const busy = "RESOURCE_EXHAUSTED: 2 streams are being read, try again later";
  const stood = "nothing was read for 60 s while others wait: read on from the last row";
  const reads = take("reads")!;
  reads.waits(true);
  time = 1000;
  const stands = take("stands")!;
  stands.waits(true);
  time = 60_500;
  reads.waits(false);
  take("early");
  time = 61_000;
  const late = take("late")!;
  take("more");
  expect(said).toEqual([`early: ${busy}`, `stands: ${stood}`, `more: ${busy}`]);
  // Its place is another's by now: it has none to give back.
  stands.release();
  take("again");
  expect(said.at(-1)).toBe(`again: ${busy}`);
  late.release();
  late.release();
  expect(take("free")).toBeDefined();
  take("last");
  expect(said.at(-1)).toBe(`last: ${busy}`);
});

it("readers that stood still and read on keep their places", () => {
  let time = 0;
  const slots = new Slots(1, () => time);
  const slot = slots.take(() => {});
  slot.waits(true);
  time = 100_000;
  slot.waits(false);
  expect(() => slots.take(() => {})).toThrow("RESOURCE_EXHAUSTED");
});

it("rows that nobody takes for a minute give their place to another call", async () => {
  let time = 0;
  const options = { catalog: endless(10_000, () => {}), maxStreams: 1, tell: () => {}, now: () => time };
  const get = flightHandlers(options)["DoGet"] as unknown as (call: EventEmitter) => void;
  const said: string[] = [];
  const start = () => {
    const call = Object.assign(new EventEmitter(), {
      request: { ticket: rangeBytes({ path: PATH, first: 0 }) },
      write: () => false,
      end: () => {},
    });
    get(call.on("error", (error: Error) => said.push(error.message)));
  };
  start();
  await new Promise(setImmediate);
  time = 60_000;
  start();
  expect(said).toEqual([expect.stringContaining("ABORTED: nothing was read for 60 s")]);
});
