import { decode } from "fast-png";
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { from, lastValueFrom, of, Subject, throwError, concatWith, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { readArrowFile } from "../../src/data/formats/arrow-file.ts";
import { bytes, type Batch } from "../../src/data/batch.ts";
import { ImageSpool } from "../../src/data/image-spool.ts";
import { readNpz } from "../../src/data/formats/npz.ts";
import { GRID, saveImages } from "../../src/streams/save-images.ts";
import { spooledImages } from "../../src/streams/spooled-images.ts";
import { temporaryFolder } from "../cli/fixture.ts";
import { imageBatch } from "./fixture.ts";

const shape = [2, 2, 1] as const;
const batches = [imageBatch(4, {}, shape), imageBatch(5, { step: 1 }, shape)] as const;
const all = batches.flatMap((batch) => [...bytes(batch, "image").data]);

function setUp(work: unknown = 1) {
  const folder = temporaryFolder();
  const open = () => new ImageSpool(join(folder, "partial"), work, shape);
  const [grid, arrow, npz] = ["a.png", "a.arrow", "a.npz"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  return { folder, open, files: { grid, arrow, npz } };
}

describe("saveImages", () => {
  it("writes a grid, an Arrow and an npz file, and then says where", async () => {
    const { open, files } = setUp();
    const events = await lastValueFrom(of(...batches).pipe(saveImages(files, { total: 9, spool: open() }), toArray()));
    expect(events).toEqual([
      { type: "stage", name: "samples", total: 9, unit: "images", phase: "sampling" },
      { type: "progress", done: 4 },
      { type: "progress", done: 9 },
      { type: "result", values: { samples: files.grid } },
    ]);
    expect([...readArrowFile(files.arrow).columns.get("image")!.data]).toEqual(all);
    const { shape: sizes, data } = (await readNpz(files.npz)).get("samples")!;
    expect([sizes, [...(data as Uint8Array)]]).toEqual([[9, ...shape], all]);
    const { width, height, data: png } = decode(readFileSync(files.grid));
    expect([width, height]).toEqual([14, 14]); // Three images of two pixels, two pixels around each.
    const pixel = (row: number, column: number) => png[(2 + 4 * row) * 14 + 2 + 4 * column];
    const first = all.filter((_, i) => i % 4 === 0);
    expect([0, 1, 2].flatMap((row) => [0, 1, 2].map((column) => pixel(row, column)))).toEqual(first);
  });

  it.each(["arrow", "npz"] as const)("writes the grid and the %s file where only it is wanted", async (kind) => {
    const { folder, open, files } = setUp();
    const saved = of(...batches).pipe(saveImages({ grid: files.grid, [kind]: files[kind] }, { total: 9, spool: open() })); // prettier-ignore
    await lastValueFrom(saved);
    expect(readdirSync(folder).filter((name) => name.startsWith("a."))).toEqual([`a.${kind}`, "a.png"].sort());
  });

  it("writes the grid only, of the first images only", async () => {
    const { folder, open, files } = setUp();
    const many = imageBatch(GRID + 50, {}, shape);
    const saved = of(many).pipe(saveImages({ grid: files.grid }, { total: GRID + 50, spool: open() }));
    await lastValueFrom(saved);
    expect(decode(readFileSync(files.grid))).toMatchObject({ width: 82, height: 82 });
    expect(readdirSync(folder).sort()).toEqual(["a.png", "partial.bin", "partial.jsonl"]);
  });

  it("goes on where it was stopped, and gives the same files", async () => {
    const whole = setUp();
    await lastValueFrom(of(...batches).pipe(saveImages(whole.files, { total: 9, spool: whole.open() })));
    const { open, files } = setUp();
    const half = await lastValueFrom(of(batches[0]).pipe(saveImages(files, { total: 9, spool: open() }), toArray()));
    expect(half.map(({ type }) => type)).toEqual(["stage", "progress"]);
    expect(existsSync(files.grid)).toBe(false);
    const spool = open();
    expect(spool.batches).toBe(1);
    const rest = await lastValueFrom(of(batches[1]).pipe(saveImages(files, { total: 9, spool }), toArray()));
    expect(rest.map((event) => ("done" in event ? event.done : event.type))).toEqual([
      "stage",
      "message",
      4,
      9,
      "result",
    ]);
    for (const key of ["grid", "arrow", "npz"] as const) {
      expect(readFileSync(files[key]).equals(readFileSync(whole.files[key])), key).toBe(true);
    }
  });

  it("tells of damage to the images drawn before", async () => {
    const { folder, open, files } = setUp();
    open().append(bytes(batches[0], "image").data);
    truncateSync(join(folder, "partial.bin"), 3);
    const events = await lastValueFrom(of(batches[0]).pipe(saveImages(files, { total: 4, spool: open() }), toArray()));
    const texts = events.flatMap((event) => (event.type === "message" ? [event.text] : []));
    expect(texts).toHaveLength(1);
    expect(texts[0]).toMatch(/^warning: .*partial.bin: batch 1 is damaged: it and those after it/);
  });

  it("writes nothing after an error, or when unsubscribed", async () => {
    const { open, files } = setUp();
    const failing = from(batches).pipe(
      concatWith(throwError(() => new Error("lost"))),
      saveImages(files, { total: 9, spool: open() }),
    );
    await expect(lastValueFrom(failing)).rejects.toThrow("lost");
    const other = setUp();
    const source = new Subject<Batch<"image">>();
    const subscription = source.pipe(saveImages(other.files, { total: 9, spool: other.open() })).subscribe();
    for (const batch of batches) source.next(batch);
    subscription.unsubscribe();
    expect(source.observed).toBe(false);
    expect([files.grid, other.files.grid].some((path) => existsSync(path))).toBe(false);
  });

  it("notifies an error when a file cannot be written", async () => {
    const { folder, open } = setUp();
    writeFileSync(join(folder, "taken"), "");
    const saved = of(...batches).pipe(
      saveImages({ grid: join(folder, "taken", "a.png") }, { total: 9, spool: open() }),
    );
    await expect(lastValueFrom(saved)).rejects.toThrow(/taken/);
  });
});

describe("spooledImages", () => {
  it("gives the images back in batches, and stops at a border", async () => {
    const { open } = setUp();
    const spool = open();
    for (const batch of batches) spool.append(bytes(batch, "image").data);
    const found = await lastValueFrom(spooledImages(spool, { batchSize: 4 }).pipe(toArray()));
    expect(found.map(({ size, info }) => [size, info.step, info.firstSample])).toEqual([
      [4, 0, 0],
      [4, 1, 4],
      [1, 2, 8],
    ]);
    expect(found.flatMap((batch) => [...bytes(batch, "image").data])).toEqual(all);
    const signal = AbortSignal.abort();
    expect(await lastValueFrom(spooledImages(spool, { batchSize: 4, signal }).pipe(toArray()))).toEqual([]);
  });
});
