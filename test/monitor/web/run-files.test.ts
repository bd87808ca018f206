import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { logPath } from "../../../src/monitor/log-file.ts";
import {
  readConfig,
  readLogTail,
  readNearest,
  readReportFile,
  readSample,
  runState,
  sampleGrids,
} from "../../../src/monitor/web/run-files.ts";
import { temporaryFolder } from "../fixture.ts";

const TAIL = 2 ** 18;

function workdirWith(files: Readonly<Record<string, string>>): string {
  const workdir = temporaryFolder();
  for (const folder of ["samples", "eval"]) mkdirSync(join(workdir, folder));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(workdir, name), text);
  return workdir;
}

describe("grids of a run", () => {
  it("go by step, those without one first, and by name where the step is the same", () => {
    const names = ["b_20.png", "a_20.png", "z.png", "a_0.png", "s_3.png", "s_100.png", "s_5.txt"];
    const workdir = workdirWith(Object.fromEntries(names.map((name) => [`samples/${name}`, name])));
    utimesSync(join(workdir, "samples", "z.png"), 1, 1.5);
    const grids = sampleGrids(workdir);
    expect(grids[0]).toEqual({
      name: "z.png",
      step: undefined,
      kind: "samples",
      bytes: 5,
      modified: "1970-01-01T00:00:01.500Z",
    });
    expect(grids.map(({ name, step }) => [name, step])).toEqual([
      ["z.png", undefined],
      ["a_0.png", 0],
      ["s_3.png", 3],
      ["a_20.png", 20],
      ["b_20.png", 20],
      ["s_100.png", 100],
    ]);
    expect(String(readSample(workdir, "a_20.png"))).toBe("a_20.png");
    for (const name of ["s_5.txt", "../samples/z.png", "none.png"]) expect(readSample(workdir, name)).toBeUndefined();
  });

  it("have the step that their names end with", () => {
    expect(sampleGrids(workdirWith({ "samples/a5.png7.png": "" }))).toMatchObject([{ name: "a5.png7.png", step: 7 }]);
  });

  it("are of samples, of raw parameters, or of the nearest training images, by their names", () => {
    const names = ["samples_5.png", "raw_5.png", "nearest_5.png", "raw_.png", "my_raw_5.png", "nearest_5.json"];
    const workdir = workdirWith(Object.fromEntries(names.map((name) => [`samples/${name}`, name])));
    const kinds = Object.fromEntries(sampleGrids(workdir).map(({ name, kind }) => [name, kind]));
    expect(kinds).toEqual({ ...Object.fromEntries(names.slice(0, 5).map((name) => [name, "samples"])), "raw_5.png": "raw", "nearest_5.png": "nearest" }); // prettier-ignore
    expect(String(readNearest(workdir, 5))).toBe("nearest_5.json");
    expect(readNearest(workdir, 6)).toBeUndefined();
  });

  it("are not given as none where the file system says something else", () => {
    expect(() => sampleGrids("x".repeat(5000))).toThrow("ENAMETOOLONG");
  });

  it("are none where the folder is not there, or is a file", () => {
    expect(sampleGrids(temporaryFolder())).toEqual([]);
    const workdir = temporaryFolder();
    writeFileSync(join(workdir, "samples"), "");
    expect(sampleGrids(workdir)).toEqual([]);
  });
});

describe("the other files of a run", () => {
  it("are there each by itself, and not by a link", () => {
    const empty = { samples: [], config: false, report: false, log: 0 };
    expect(runState(temporaryFolder())).toEqual(empty);
    expect(runState(workdirWith({ "config.json": "{}" }))).toEqual({ ...empty, config: true });
    expect(runState(workdirWith({ "eval/report.html": "x" }))).toEqual({ ...empty, report: true });
    expect(runState(workdirWith({ "log.txt": "12345" }))).toEqual({ ...empty, log: 5 });
    const workdir = workdirWith({ secret: "secret\n" });
    for (const name of ["config.json", "log.txt", "eval/report.html"]) symlinkSync(join(workdir, "secret"), join(workdir, name)); // prettier-ignore
    expect(runState(workdir)).toEqual(empty);
    expect([readConfig(workdir), readReportFile(workdir), readLogTail(workdir, 5)]).toEqual([undefined, undefined, undefined]); // prettier-ignore
    const whole = workdirWith({ "config.json": "config", "eval/report.html": "report" });
    expect([readConfig(whole), readReportFile(whole)].map(String)).toEqual(["config", "report"]);
  });
});

describe("the end of a log", () => {
  const tail = (text: string, count: number) => readLogTail(workdirWith({ "log.txt": text }), count);

  it("is its last lines, oldest first, but for one that is being written", () => {
    expect(tail("a\nb\nc\n", 2)).toEqual(["b", "c"]);
    expect(tail("a\nb\nc\n", 9)).toEqual(["a", "b", "c"]);
    expect(tail("a\nb\nc", 9)).toEqual(["a", "b"]);
    expect(tail("", 9)).toEqual([]);
    expect(readLogTail(temporaryFolder(), 9)).toBeUndefined();
  });

  it("is of the last 256 KiB, without the line that begins before them", () => {
    const line = `${"x".repeat(63)}\n`;
    const lines = TAIL / line.length;
    // All of it is read: the first line is whole.
    expect(tail(line.repeat(lines), 10_000)).toHaveLength(lines);
    // The first line lies before what is read, which begins with a whole one that cannot be told from half of one.
    expect(tail(line.repeat(lines + 1), 10_000)).toHaveLength(lines - 1);
    expect(tail(`${"y".repeat(10)}\n${line.repeat(lines)}`, 10_000)).toHaveLength(lines - 1);
  });

  it("is where the log is, a file of the workdir", () => {
    expect(logPath("/w")).toBe(join("/w", "log.txt"));
  });
});
