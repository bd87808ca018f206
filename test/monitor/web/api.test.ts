import { afterEach, expect, it, vi } from "vitest";
import { config, logTail, reportAddress, runFiles, sampleAddress } from "../../../src/monitor/web/page/api.ts";

afterEach(() => void vi.unstubAllGlobals());

it("the page asks for a run's files by its name, whatever signs it has", async () => {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (address: string) => {
    asked.push(address);
    return new Response('{"a":1}');
  });
  expect(await runFiles("a/b c")).toEqual({ a: 1 });
  expect(await config("a/b c")).toEqual({ a: 1 });
  expect(await logTail("a/b c")).toBe('{"a":1}');
  const run = "api/runs/a%2Fb%20c";
  expect(asked).toEqual([run, `${run}/config`, `${run}/log?lines=300`]);
  expect(sampleAddress("a/b c", "s 1.png", "2026-01-02T03:04:05.678Z")).toBe(
    `${run}/samples/s%201.png?modified=2026-01-02T03%3A04%3A05.678Z`,
  );
  expect(reportAddress("a/b c")).toBe(`${run}/report`);
});

it.each([
  ["is not there", async () => new Response("no", { status: 404 })],
  ["nobody answers for", () => Promise.reject(new Error("gone"))],
])("what %s is undefined", async (_, answer) => {
  vi.stubGlobal("fetch", answer);
  expect([await runFiles("r"), await config("r"), await logTail("r")]).toEqual([undefined, undefined, undefined]);
});

it("what comes too late is undefined, also when only its end does", async () => {
  const late = new DOMException("signal timed out", "TimeoutError");
  const body = () => new ReadableStream({ start: (stream) => stream.error(late) });
  vi.stubGlobal("fetch", async (_: string, { signal }: RequestInit) => {
    expect(signal).toBeInstanceOf(AbortSignal);
    return new Response(body());
  });
  expect([await runFiles("r"), await config("r"), await logTail("r")]).toEqual([undefined, undefined, undefined]);
});
