import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { ImageDataset } from "../../../src/data/dataset.ts";
import { holdOut } from "../../../src/data/prepare/hold-out.ts";
import { loadAhead } from "../../../src/data/prepare/load-ahead.ts";
import { leftText } from "../../../src/data/prepare/manifest.ts";
import { ShardBuilder } from "../../../src/data/prepare/shard-builder.ts";
import { channelStatistics, channelSums, countClasses } from "../../../src/data/prepare/statistics.ts";
import type { SourceEntry } from "../../../src/data/sources/source.ts";

/** Images that are their own indices. */
const stored = (length: number, closed: () => void = () => {}): ImageDataset => ({
  ...{ name: "made", split: "train", length, shape: [1, 1, 1], about: "made", digest: "d" },
  gather: (indices) => Uint8Array.from(indices),
  load: async (indices) => Uint8Array.from(indices),
  close: closed,
});
const indicesOf = ({ gather, length }: ImageDataset) => [...gather(Array.from({ length }, (_, i) => i))];
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

describe("holdOut", () => {
  it.each([
    [10, 0.2, 5, [4, 9], [0, 1, 2, 3, 5, 6, 7, 8]],
    [5, 0.2, 5, [4], [0, 1, 2, 3]],
    [7, 0.35, 3, [2, 5], [0, 1, 3, 4, 6]],
    [4, 0.9, 2, [1, 3], [0, 2]],
  ])("of %i images, fraction %d, takes the last of every %i", (length, fraction, every, held, kept) => {
    const { train, test, every: found } = holdOut(stored(length), fraction);
    expect(found).toBe(every);
    expect([indicesOf(test), indicesOf(train)]).toEqual([held, kept]);
    expect([test.length, train.length]).toEqual([held.length, kept.length]);
    expect([test.split, train.split]).toEqual(["test", "train"]);
  });

  it("gives each part a digest of the data, its split and its length", () => {
    const { train, test } = holdOut(stored(10), 0.2);
    expect([train.digest, test.digest]).toEqual([sha256("d train 8"), sha256("d test 2")]);
  });

  it("refuses indices behind each part, which would be images of the other", async () => {
    const { train, test } = holdOut(stored(11), 0.2);
    for (const part of [train, test]) {
      expect(() => part.gather([0, part.length])).toThrow(
        `image ${part.length} is out of range: there are ${part.length}`,
      );
      await expect(part.load([-1])).rejects.toThrow(`image -1 is out of range: there are ${part.length}`);
    }
    expect([...(await train.load([8, 4]))]).toEqual([10, 5]);
  });
});

describe("statistics of shards", () => {
  it("sum the values and their squares channel by channel", () => {
    const images = Uint8Array.of(1, 10, 255, 2, 20, 255);
    expect(channelSums(images, 3)).toEqual({ sums: [3, 30, 510], squares: [5, 500, 130_050] });
    // More than 32 bits hold, and no whole number of what is added up at once.
    const many = 3 * 100_001;
    expect(channelSums(new Uint8Array(many).fill(255), 3)).toEqual({
      sums: Array.from({ length: 3 }, () => 255 * 100_001),
      squares: Array.from({ length: 3 }, () => 65_025 * 100_001),
    });
  });

  it("are those of the parts together, on the scale 0..1", () => {
    const parts = [channelSums(Uint8Array.of(0, 51), 2), channelSums(Uint8Array.of(255, 51), 2)];
    expect(channelStatistics(parts, 2)).toEqual({ means: [0.5, 0.2], deviations: [0.5, 0] });
  });

  it("count classes, those before the largest too, on top of what was counted", () => {
    expect(countClasses(Int32Array.of(3, 1, 3))).toEqual([0, 1, 0, 2]);
    const before = [1];
    expect(countClasses(Int32Array.of(0, 1), before)).toEqual([2, 1]);
    expect(before).toEqual([1]);
  });
});

describe("ShardBuilder", () => {
  const picture = (value: number, shape: readonly [number, number, number] = [1, 2, 1]) => ({
    ...{ data: new Uint8Array(shape[0] * shape[1] * shape[2]).fill(value), shape },
  });
  const entry = (label?: number): SourceEntry => ({
    name: "it",
    ...(label === undefined ? {} : { label }),
    load: () => picture(0),
  });

  it("is full at as many images as fit, and takes one at least", () => {
    expect(new ShardBuilder([1, 2, 1], true, 5).capacity).toBe(2);
    expect(new ShardBuilder([1, 2, 1], true, 6).capacity).toBe(3);
    expect(new ShardBuilder([1, 2, 1], true, 1).capacity).toBe(1);
  });

  it("gives images and labels in order, and leaves what it gave alone", () => {
    const builder = new ShardBuilder([1, 2, 1], true, 4);
    builder.add(entry(7), picture(1));
    expect([builder.count, builder.full]).toEqual([1, false]);
    builder.add(entry(8), picture(2));
    expect(builder.full).toBe(true);
    const first = builder.take();
    expect([builder.count, builder.full]).toEqual([0, false]);
    builder.add(entry(9), picture(3));
    expect([...first.images, ...first.labels!]).toEqual([1, 1, 2, 2, 7, 8]);
    const second = builder.take();
    expect([...second.images, ...second.labels!]).toEqual([3, 3, 9]);
  });

  it("keeps out what does not fit, and says why", () => {
    const reason = (labelled: boolean, of: SourceEntry, found = picture(0)) =>
      new ShardBuilder([1, 2, 1], labelled, 4, 3).fault(of, found)?.reason;
    expect([reason(true, entry(0)), reason(true, entry(2)), reason(false, entry())]).toEqual(Array(3).fill(undefined));
    expect(reason(true, entry(3))).toBe("its label is 3, expected 0 to 2");
    expect(reason(true, entry(-1))).toBe("its label is -1, expected 0 to 2");
    expect(reason(true, entry(0.5))).toBe("its label is 0.5, expected 0 to 2");
    expect(reason(true, entry())).toBe("it has no label, others have");
    expect(reason(false, entry(0))).toBe("it has a label, others have none");
    expect(reason(true, entry(0), picture(0, [2, 1, 1]))).toMatch(/^wrong size: \[2, 1, 1\], expected \[1, 2, 1\];/);
    const short = { data: new Uint8Array(1), shape: [1, 2, 1] as const };
    expect(reason(true, entry(0), short)).toBe("cut short: 1 of 2 values");
    expect(new ShardBuilder([1, 2, 1], false, 4).take().labels).toBeUndefined();
  });
});

describe("loadAhead", () => {
  const entries = (log: string[], count = 5) =>
    async function* (): AsyncGenerator<SourceEntry> {
      try {
        for (let i = 0; i < count; i++) {
          const load = () => {
            log.push(`load ${i}`);
            return { data: Uint8Array.of(i), shape: [1, 1, 1] as const };
          };
          yield { name: String(i), load };
        }
      } finally {
        log.push("closed");
      }
    };

  it("has begun `window` entries when it gives the first, one more for each that is taken", async () => {
    const log: string[] = [];
    for await (const { entry } of loadAhead(entries(log)(), 3)) log.push(`got ${entry.name}`);
    expect(log.join()).toBe("load 0,load 1,load 2,got 0,load 3,got 1,load 4,got 2,closed,got 3,got 4");
  });

  it("takes a source that cannot be closed", async () => {
    const made = entries([], 3)();
    const bare = { [Symbol.asyncIterator]: () => ({ next: () => made.next() }) };
    const names: string[] = [];
    for await (const { entry } of loadAhead(bare, 2)) names.push(entry.name);
    expect(names).toEqual(["0", "1", "2"]);
  });

  it("closes the source when it is left before the end", async () => {
    const log: string[] = [];
    for await (const { entry } of loadAhead(entries(log)(), 1)) {
      log.push(`got ${entry.name}`);
      if (entry.name === "1") break;
    }
    expect(log).toEqual(["load 0", "got 0", "load 1", "got 1", "closed"]);
  });
});

it("says what was left out, one or several", () => {
  expect(leftText({ count: 0, files: 0 })).toBe("");
  expect(leftText({ count: 1, files: 0 })).toBe("1 bad image");
  expect(leftText({ count: 2, files: 1 })).toBe("2 bad images, 1 damaged file");
  expect(leftText({ count: 0, files: 3 })).toBe("3 damaged files");
});
