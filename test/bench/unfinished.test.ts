import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Unfinished } from "../../bench/unfinished.ts";
import { temporaryFolder } from "../cli/fixture.ts";

const step = [
  "step",
  { title: "Training step", markdown: "| a |", table: [1], summary: { stepRatioTorch: 0.6 } },
] as const;
const growth = ["growth", { title: "Growth", markdown: "", table: {} }] as const;
const path = () => join(temporaryFolder(), "cache", "unfinished.json");

describe("a bench that was cut", () => {
  it("goes on behind the sections that are done", () => {
    const file = path();
    const bench = () => new Unfinished(file, { quick: false, code: "1" });
    expect(bench().read()).toEqual([]);
    bench().write([step]);
    expect(bench().read()).toEqual([step]);
    bench().write([step, growth]);
    expect(bench().read()).toEqual([step, growth]);
    bench().remove();
    expect(existsSync(file)).toBe(false);
    expect(bench().read()).toEqual([]);
  });

  it("takes nothing over from other options, other code or another day, or of a file that was cut too", () => {
    const file = path();
    const bench = new Unfinished(file, { quick: false, code: "1" });
    bench.write([step], 0);
    expect(new Unfinished(file, { quick: true, code: "1" }).read(1)).toEqual([]);
    expect(new Unfinished(file, { quick: false, code: "2" }).read(1)).toEqual([]);
    expect(bench.read(24 * 3600 * 1000)).toEqual([]);
    expect(bench.read(1)).toEqual([step]);
    writeFileSync(file, '{"key":');
    expect(bench.read(1)).toEqual([]);
  });
});
