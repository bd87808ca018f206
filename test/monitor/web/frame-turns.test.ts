/** Many readers of a long past. */
import { NEVER } from "rxjs";
import { expect, it } from "vitest";
import type { Feed } from "../../../src/monitor/feed.ts";
import { frames } from "../../../src/monitor/web/frames.ts";
import { batch } from "../fixture.ts";

/** A feed with one record, which says who reads which of its batches. */
function feedOf(count: number, said: string[]): Feed {
  let readers = 0;
  async function* batchesInTurns() {
    const name = `reader ${++readers}`;
    for (let i = 0; i < count; i++) {
      said.push(name);
      yield { batch: batch(1 + 3 * i, 3) };
    }
  }
  return { logs: () => [{ owner: { runId: "run" }, end: undefined, batchesInTurns }], states: () => [], live: NEVER } as unknown as Feed; // prettier-ignore
}
const thinned = { runs: [], from: () => 1, points: 10 };

it("whole records are read one at a time; a reader that leaves gives way", async () => {
  const said: string[] = [];
  const feed = feedOf(40, said);
  const readers = [1, 2, 3].map(() => frames(feed, thinned));
  const first = readers.map((reader) => reader[Symbol.asyncIterator]().next());
  readers[1]!.close();
  const found = await Promise.all(first);
  expect(found.map(({ done }) => done)).toEqual([false, true, false]);
  expect(said.filter((name, i) => name !== said[i - 1])).toEqual(["reader 1", "reader 2", "reader 3"]);
  expect(said.filter((name) => name === "reader 2")).toHaveLength(1);
  for (const reader of readers) reader.close();
});
