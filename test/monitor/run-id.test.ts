import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { identityOf } from "../../src/monitor/run-id.ts";
import { temporaryFolder } from "../cli/fixture.ts";

describe("the run of a workdir that was copied", () => {
  const setUp = () => {
    const folder = temporaryFolder();
    const [a, b] = [join(folder, "a"), join(folder, "b, of % a")];
    mkdirSync(a);
    writeFileSync(join(a, "metrics.jsonl"), "");
    const said: string[] = [];
    const idOf = (workdir: string) => identityOf(workdir, "count", undefined, (text) => said.push(text)).runId;
    return { a, b, said, idOf, first: idOf(a) };
  };

  it("is another one, which says from which it came and stays itself", () => {
    const { a, b, said, idOf, first } = setUp();
    cpSync(a, b, { recursive: true, preserveTimestamps: true });
    const second = idOf(b);
    expect(second).not.toBe(first);
    expect(said).toEqual([`metrics: ${b} is a copy of ${a}, run ${first}; it goes on as run ${second}`]);
    expect(readFileSync(join(b, "run-id"), "utf8")).toBe(`${second}\n`);
    expect([idOf(a), idOf(b)]).toEqual([first, second]);
    expect(said).toHaveLength(1);
  });

  it("of a copy is another one again", () => {
    const { a, b, idOf } = setUp();
    cpSync(a, b, { recursive: true });
    const c = `${b} again`;
    idOf(b);
    cpSync(b, c, { recursive: true });
    expect(new Set([a, b, c].map(idOf)).size).toBe(3);
  });

  it("has nodes of their own where the name is shared", () => {
    const { a, b } = setUp();
    cpSync(a, b, { recursive: true });
    const [one, two] = [a, b].map((workdir) => identityOf(workdir, "count", "together"));
    expect(two).toMatchObject({ runId: "together" });
    expect(two!.node).not.toBe(one!.node);
  });

  it("is the same when the folder was only moved, also to another disk", () => {
    const { a, b, said, idOf, first } = setUp();
    renameSync(a, b);
    expect(idOf(b)).toBe(first);
    cpSync(b, a, { recursive: true });
    rmSync(b, { recursive: true });
    expect(idOf(a)).toBe(first);
    expect(said).toEqual([]);
  });
});
