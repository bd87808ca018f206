import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it, vi } from "vitest";
import { stopWithLauncher } from "../../src/cli/orphaned.ts";
import { temporaryFolder } from "./fixture.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const runtime = "Deno" in globalThis ? ["run", "-A"] : ["--import", "tsx"];

it("goes on to its end, and keeps its exit code, when whoever reads has closed early", async () => {
  const file = join(temporaryFolder(), "file");
  const child = spawn(process.execPath, [...runtime, join(root, "test/cli/unread.ts"), file]);
  const ended = once(child, "close") as Promise<[number | null]>;
  for (const stream of [child.stdout, child.stderr]) stream.once("data", () => stream.destroy());
  expect((await ended)[0]).toBe(3);
  expect(readFileSync(file, "utf8")).toBe("whole");
});

it("is the frame of every command that package.json names", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  const programs = Object.values(scripts).flatMap((line) => /run\.mjs ((?:src|bench)\/\S+\.ts)$/.exec(line)?.[1] ?? []);
  expect(programs.length).toBeGreaterThan(5);
  const without = programs.filter(
    (file) => !readFileSync(join(root, file), "utf8").includes("await runProgram(import.meta.url, "),
  );
  expect(without).toEqual([]);
});

describe("a program whose launcher is gone", () => {
  afterEach(() => void vi.useRealTimers());
  const watched = (launcher: string | undefined) => {
    vi.useFakeTimers();
    const seen = { parent: 7, stops: 0 };
    const env = { ...(launcher !== undefined && { SCORESTREAM_LAUNCHER: launcher }) };
    stopWithLauncher({ env, parent: () => seen.parent, stop: () => void seen.stops++ });
    return seen;
  };

  it("is stopped once, as by SIGTERM", () => {
    const seen = watched("7");
    vi.advanceTimersByTime(5000);
    expect(seen.stops).toBe(0);
    seen.parent = 1;
    vi.advanceTimersByTime(5000);
    expect(seen.stops).toBe(1);
  });

  it.each([undefined, "6"])("is left alone where another started it: launcher %s", (launcher) => {
    const seen = watched(launcher);
    seen.parent = 1;
    vi.advanceTimersByTime(5000);
    expect(seen.stops).toBe(0);
  });
});
