import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { identityOf, keptIdentity } from "../../src/monitor/run-id.ts";
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

  it("is another one although the original was given its name", () => {
    const { a, b, said, first } = setUp();
    const tell = (text: string) => void said.push(text);
    identityOf(a, "count", "mine");
    cpSync(a, b, { recursive: true });
    const copy = identityOf(b, "count", undefined, tell);
    expect(copy.runId).toMatch(/^count-[0-9a-f]{8}$/);
    expect(copy.runId).not.toBe(first);
    expect(said).toEqual([`metrics: ${b} is a copy of ${a}, run mine; it goes on as run ${copy.runId}`]);
    expect(identityOf(a, "count").runId).toBe("mine");
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

describe("a name that was given", () => {
  const setUp = () => {
    const workdir = temporaryFolder();
    const said: string[] = [];
    const start = (given?: string) => identityOf(workdir, "count", given, (text) => void said.push(text));
    return { workdir, said, start };
  };

  it("is kept, with the node that belongs to it, until another is given, which is said", () => {
    const { workdir, said, start } = setUp();
    expect(keptIdentity(workdir)).toBeUndefined();
    const first = start("mine");
    expect(first).toEqual({ runId: "mine", node: expect.stringMatching(/-[0-9a-f]{8}$/) as string });
    writeFileSync(join(workdir, "metrics.jsonl"), "");
    expect([start(), start("mine"), keptIdentity(workdir)]).toEqual([first, first, first]);
    expect(said).toEqual([]);
    const second = start("other");
    expect(second).toEqual({ runId: "other", node: first.node });
    expect(said).toEqual([
      "metrics: run mine goes on as run other, as --run-id says; what a monitor has of mine stays there",
    ]);
    expect([start(), keptIdentity(workdir)]).toEqual([second, second]);
    expect(said).toHaveLength(1);
  });

  it("goes with the metrics: a workdir that begins anew has one of its own", () => {
    const { workdir, said, start } = setUp();
    start("mine");
    const anew = start();
    expect(anew).toEqual({ runId: expect.stringMatching(/^count-[0-9a-f]{8}$/) as string, node: hostname() });
    expect([keptIdentity(workdir), said]).toEqual([anew, []]);
  });

  it("may be given to a run that had its own, whose node stays apart from others", () => {
    const { workdir, said, start } = setUp();
    const own = start();
    writeFileSync(join(workdir, "metrics.jsonl"), "");
    const given = start("mine");
    expect(given).toEqual({ runId: "mine", node: `${hostname()}-${own.runId.slice(-8)}` });
    expect(said).toEqual([
      `metrics: run ${own.runId} goes on as run mine, as --run-id says; what a monitor has of ${own.runId} stays there`,
    ]);
    expect(start(own.runId)).toEqual(own);
  });
});
