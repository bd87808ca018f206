import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect, it } from "vitest";
import { exchangeService } from "../../../src/grpc/exchange/definition.ts";
import type { ParcelMessage } from "../../../src/exchange/messages.ts";
import { parcel } from "../../../src/grpc/exchange/parcel.ts";
import { startNode } from "./fixture.ts";
import { stranger } from "./stranger.ts";

const { requestSerialize, requestDeserialize } = exchangeService.Deliver;

/** Where a message is cut, how many of its bytes go, and what comes in their place. */
const damage = fc.record({
  message: fc.nat(),
  at: fc.nat(),
  gone: fc.nat(8),
  come: fc.uint8Array({ maxLength: 8 }),
});
/** ms for a parcel of a step or view to come, which waits. */
const PATIENCE = 50;

function read(message: Buffer): ParcelMessage | undefined {
  try {
    return requestDeserialize(message);
  } catch {
    return undefined;
  }
}

it("300 damaged parcels are refused one by one, and the right one is taken after them", async () => {
  const node = startNode({ to: 3, world: 2, deadline: 60_000 });
  const { header, vectors, send, sendWith } = await stranger(await node.endpoint);
  const good: Buffer[] = [];
  // Copies: the chunks of a parcel are written into the same memory, one after another.
  for await (const message of parcel(header, vectors))
    good.push(Buffer.from(requestSerialize(message as ParcelMessage)));
  const damaged = fc.asyncProperty(damage, async ({ message, at, gone, come }) => {
    const index = message % good.length;
    const bytes = good[index]!;
    const from = at % (bytes.length + 1);
    const other = Buffer.concat([bytes.subarray(0, from), come, bytes.subarray(from + gone)]);
    // protobuf reads some changes as none.
    if (isDeepStrictEqual(read(other), read(bytes))) return;
    expect(await send(good.with(index, other), PATIENCE)).not.toBe("OK");
  });
  await fc.assert(damaged, { seed: 9, numRuns: 300, endOnFailure: true });
  expect(node.state.step).toBe(0);
  expect(await sendWith({})).toBe("OK");
});
