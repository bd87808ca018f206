import { EventEmitter } from "node:events";
import type { ClientDuplexStream } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import type { Receipt } from "../../../src/exchange/messages.ts";
import type { ParcelMessage } from "../../../src/exchange/messages.ts";
import { ParcelStream } from "../../../src/grpc/exchange/parcel-stream.ts";

class Call extends EventEmitter {
  cancelled = false;
  readonly write = () => true;
  cancel(): void {
    this.cancelled = true;
  }
}

function started() {
  const call = new Call();
  const stream = new ParcelStream(call as unknown as ClientDuplexStream<ParcelMessage, Receipt>, () => {});
  const deliver = () => stream.deliver((async function* () {})());
  return { call, deliver };
}

describe("parcels in one call", () => {
  it("are taken in order, by one receipt for several", async () => {
    const { call, deliver } = started();
    const first = deliver();
    await new Promise(setImmediate);
    const second = deliver();
    await new Promise(setImmediate);
    call.emit("data", { parcels: 2 });
    await expect(Promise.all([first, second])).resolves.toHaveLength(2);
    expect(call.cancelled).toBe(false);
  });

  it.each([0, 2])("fail with a receipt for %i, where one was begun", async (parcels) => {
    const { call, deliver } = started();
    const one = deliver();
    call.emit("data", { parcels });
    await expect(one).rejects.toThrow(`the other node sent a receipt for ${parcels} parcels`);
    expect(call.cancelled).toBe(true);
    await expect(deliver()).rejects.toThrow("receipt");
  });
});
