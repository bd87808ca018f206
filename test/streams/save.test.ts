import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { concatWith, from, lastValueFrom, of, Subject, throwError, toArray, type OperatorFunction } from "rxjs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readArrowFile } from "../../src/data/formats/arrow-file.ts";
import { floats, type Batch } from "../../src/data/batch.ts";
import type { RunEvent } from "../../src/metrics/run-event.ts";
import { saveExamples } from "../../src/streams/save-examples.ts";
import { dataBatch } from "./fixture.ts";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "save-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const vectors = [dataBatch(4, [3]), dataBatch(5, [3], { step: 1 })] as const;

/** A sink with its inputs; the type of the columns is left behind. */
const sink = <C extends string>(
  name: string,
  operator: (path: string) => OperatorFunction<Batch<C>, RunEvent>,
  inputs: readonly [Batch<C>, Batch<C>],
  unit: string,
) => ({ name, operator: operator as (path: string) => OperatorFunction<unknown, RunEvent>, inputs, unit });

describe.each([sink("saveExamples", (path) => saveExamples(path, { total: 9 }), vectors, "examples")])(
  "$name",
  ({ operator, inputs, unit }) => {
    it("tells its progress, writes at the end, and then says where", async () => {
      const path = join(folder, "new", "file");
      const events = await lastValueFrom(of(...inputs).pipe(operator(path), toArray()));
      expect(events).toEqual([
        { type: "stage", name: "samples", total: 9, unit, phase: "sampling" },
        { type: "progress", done: 4 },
        { type: "progress", done: 9 },
        { type: "result", values: { samples: path } },
      ]);
      expect(readdirSync(join(folder, "new"))).toEqual(["file"]);
    });

    it("starts anew with every subscription", async () => {
      const path = join(folder, "file");
      const saved = of(...inputs).pipe(operator(path), toArray());
      const events = await lastValueFrom(saved);
      const first = readFileSync(path);
      expect(await lastValueFrom(saved)).toEqual(events);
      expect(readFileSync(path).equals(first)).toBe(true);
    });

    it("writes nothing when examples are missing, after an error, or when unsubscribed", async () => {
      const path = join(folder, "file");
      const events = await lastValueFrom(of(inputs[0]).pipe(operator(path), toArray()));
      expect(events.map(({ type }) => type)).toEqual(["stage", "progress"]);

      const failing = from<unknown[]>([...inputs]).pipe(
        concatWith(throwError(() => new Error("lost"))),
        operator(path),
      );
      await expect(lastValueFrom(failing)).rejects.toThrow("lost");

      const source = new Subject<unknown>();
      const subscription = source.pipe(operator(path)).subscribe();
      for (const batch of inputs) source.next(batch);
      subscription.unsubscribe();
      expect(source.observed).toBe(false);
      expect(existsSync(path)).toBe(false);
    });

    it("notifies an error when the file cannot be written", async () => {
      writeFileSync(join(folder, "taken"), "");
      await expect(lastValueFrom(of(...inputs).pipe(operator(join(folder, "taken", "file"))))).rejects.toThrow(/taken/);
    });
  },
);

describe("the files", () => {
  it("an Arrow file holds the examples in order", async () => {
    const path = join(folder, "samples.arrow");
    await lastValueFrom(of(...vectors).pipe(saveExamples(path, { total: 9 })));
    const { columns } = readArrowFile(path);
    const data = columns.get("data")!;
    expect(data.shape).toEqual([3]);
    expect([...data.data]).toEqual(vectors.flatMap((batch) => [...floats(batch, "data").data]));
  });
});
