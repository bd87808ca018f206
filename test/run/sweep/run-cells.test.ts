import { getEventListeners } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lastValueFrom, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { cellsOf, parseAxis, type Cell } from "../../../src/run/sweep/axes.ts";
import { runCells, type RunCellsOptions } from "../../../src/run/sweep/run-cells.ts";
import { temporaryFolder } from "../../cli/fixture.ts";

/** Notes begin and end, then does what the first argument says; ends with a summary. "beside..." waits for a second run. */
const PROGRAM = `
const { appendFileSync, readFileSync, writeFileSync } = require("node:fs");
const begun = () => readFileSync(log, "utf8").match(/begin/g).length;
const [what, log, , workdir] = process.argv.slice(1);
const note = (text) => appendFileSync(log, text + "\\n");
const end = (code, summary) => (note("end " + what), what === "last" && console.error("over"), console.log(JSON.stringify({ what, workdir, ...summary })), process.exit(code));
process.on("SIGTERM", () => end(143, { stoppedBy: "SIGTERM" }));
writeFileSync(log + ".pid", String(process.pid));
note("begin " + what);
console.error("a line of " + what);
if (what === "fail") end(2, { error: "no data" });
else if (what === "crash") process.kill(process.pid, "SIGKILL");
else if (what === "mute") process.exit(0);
else if (what.startsWith("beside")) setInterval(() => begun() > 1 && end(0, { bpd: 3 }), 10), setTimeout(() => end(1), 10000);
else setTimeout(() => end(0, { bpd: 3 }), what === "long" ? 20000 : 150);
`;

const isRunning = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

function setUp(axis: string) {
  const folder = temporaryFolder();
  const log = join(folder, "log");
  const stop = new AbortController();
  const lines: string[] = [];
  const options: RunCellsOptions = {
    ...{ folder, jobs: 1, program: [process.execPath, "-e", PROGRAM, "--"], code: "1+a", signal: stop.signal },
    argvOf: ({ values }: Cell) => values["do"]!.split("+").map((what) => [what, log]),
    tell: ({ name }, line) => void lines.push(`${name}: ${line}`),
  };
  const cells = cellsOf([parseAxis(axis)]);
  const run = (more: Partial<RunCellsOptions> = {}) =>
    lastValueFrom(runCells(cells, { ...options, ...more }).pipe(toArray()));
  const logged = () => (existsSync(log) ? readFileSync(log, "utf8").trimEnd().split("\n") : []);
  return { folder, log, stop, lines, options, run, logged };
}

describe("runCells", { timeout: 20_000 }, () => {
  it("runs the cells one after another, each in its workdir, and tells what they say", async () => {
    const { run, logged, lines, folder } = setUp("do=a,b");
    const results = await run();
    expect(logged()).toEqual(["begin a", "end a", "begin b", "end b"]);
    expect(lines).toEqual(["do=a: a line of a", "do=b: a line of b"]);
    expect(results.map(({ cell, exitCode, runs }) => [cell.name, exitCode, runs])).toEqual([
      ["do=a", 0, [{ what: "a", workdir: join(folder, "do=a"), bpd: 3 }]],
      ["do=b", 0, [{ what: "b", workdir: join(folder, "do=b"), bpd: 3 }]],
    ]);
  });

  it("runs as many at once as jobs says", async () => {
    const { run, logged } = setUp("do=beside-a,beside-b,c");
    await run({ jobs: 2 });
    expect(logged().slice(0, 2).sort()).toEqual(["begin beside-a", "begin beside-b"]);
    expect(logged().indexOf("begin c")).toBeGreaterThan(2);
  });

  it("leaves the others running when one fails, crashes or says nothing", async () => {
    const { run } = setUp("do=fail,crash,mute,a");
    const results = await run();
    expect(results.map(({ exitCode, runs }) => [exitCode, runs[0]?.error])).toEqual([
      [2, "no data"],
      [1, "the run was ended by SIGKILL"],
      [1, "the run printed no summary"],
      [0, undefined],
    ]);
  });

  it("counts a program that cannot begin as a failed run", async () => {
    const { run } = setUp("do=a,b");
    const results = await run({ program: ["/no/such/program"] });
    expect(results.map(({ exitCode, runs }) => [exitCode, runs[0]?.error])).toEqual([
      [1, "spawn /no/such/program ENOENT"],
      [1, "spawn /no/such/program ENOENT"],
    ]);
  });

  it("runs the parts of a cell in order, up to the first that fails", async () => {
    const { run, logged } = setUp("do=a+fail+b");
    const [result] = await run();
    expect(logged()).toEqual(["begin a", "end a", "begin fail", "end fail"]);
    expect([result?.exitCode, result?.runs.length]).toEqual([2, 2]);
  });

  it("begins a part once the record of the one before is on the disk: the part removes what is being written", async () => {
    const { options, folder } = setUp("do=a+b");
    const recorded: boolean[] = [];
    const watched: RunCellsOptions = {
      ...options,
      // Asked for whenever a process begins.
      get program() {
        recorded.push(existsSync(join(folder, "do=a+b", "sweep-cell.json")));
        return options.program;
      },
    };
    await lastValueFrom(runCells(cellsOf([parseAxis("do=a+b")]), watched));
    expect(recorded).toEqual([false, true]);
  });

  it("does not run again what has ended well, unless its command line is another", async () => {
    const { run, logged, log } = setUp("do=a,fail");
    const before = await run();
    const count = logged().length;
    expect((await run())[0]).toEqual(before[0]);
    expect(logged().slice(count)).toEqual(["begin fail", "end fail"]);
    await run({ argvOf: () => [["again", log]] });
    expect(logged().filter((line) => line === "begin again")).toHaveLength(2);
  });

  it("goes on behind the runs of a cell that ended well, with further ones too", async () => {
    const { run, logged, log } = setUp("do=a+fail+b");
    await run();
    await run();
    expect(logged()).toEqual(["begin a", "end a", "begin fail", "end fail", "begin fail", "end fail"]);
    const [result] = await run({ argvOf: () => ["a", "b", "c"].map((what) => [what, log]) });
    expect(logged().slice(6)).toEqual(["begin b", "end b", "begin c", "end c"]);
    expect(result?.runs.map((summary) => (summary as { what?: string }).what)).toEqual(["a", "b", "c"]);
    // Fewer runs than before are there already.
    expect(await run({ argvOf: () => [["a", log]] })).toMatchObject([{ exitCode: 0, runs: [{ what: "a" }] }]);
    expect(logged()).toHaveLength(10);
  });

  it("tells which finished runs another version of the program has computed", async () => {
    const { run, lines, log } = setUp("do=a+b");
    await run();
    expect(lines.filter((line) => line.includes("note"))).toEqual([]);
    const argvOf = () => ["a", "b", "c"].map((what) => [what, log]);
    await run({ code: "1+b", argvOf });
    await run({ code: "1+c", argvOf });
    await run({ code: "1+c", argvOf: () => [["again", log]] });
    const notes = lines.filter((line) => line.includes("note")).map((line) => line.split(";")[0]);
    expect(notes).toEqual([
      "do=a+b: note: 2 of 3 runs are results of ScoreStream 1+a, and this is 1+b",
      "do=a+b: note: 3 of 3 runs are results of ScoreStream 1+a, 1+b, and this is 1+c",
    ]);
  });

  it("runs a cell again whose file is torn", async () => {
    const { run, logged, folder } = setUp("do=a");
    await run();
    writeFileSync(join(folder, "do=a", "sweep-cell.json"), '{"argv":');
    await run();
    expect(logged()).toEqual(["begin a", "end a", "begin a", "end a"]);
  });

  it("passes a stop on, begins nothing more, and goes on with the cell the next time", async () => {
    const { run, logged, stop } = setUp("do=a+long+b,c");
    const ended = run();
    while (!logged().includes("begin long")) await new Promise((resolve) => setTimeout(resolve, 20));
    stop.abort();
    const results = await ended;
    expect(logged().at(-1)).toBe("end long");
    expect(results.map(({ exitCode }) => exitCode)).toEqual([143]);
  });

  it("does not count a cell as done that was stopped between its parts", async () => {
    const { run, stop, log } = setUp("do=a+b");
    const argvOf = () => ["last", "b"].map((what) => [what, log]);
    const ended = run({ argvOf, tell: (_, line) => void (line === "over" && stop.abort()) });
    // The part itself ends well, as one does that a signal reaches after its last step.
    expect((await ended)[0]?.exitCode).toBe(143);
  });

  it("ends its process when it is unsubscribed from, and listens to the stop no more", async () => {
    const { options, log, stop, logged, lines } = setUp("do=long");
    const subscription = runCells(cellsOf([parseAxis("do=long")]), options).subscribe();
    while (!lines.length) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(getEventListeners(stop.signal, "abort")).toHaveLength(1);
    subscription.unsubscribe();
    expect(getEventListeners(stop.signal, "abort")).toHaveLength(0);
    const pid = Number(readFileSync(`${log}.pid`, "utf8"));
    const until = Date.now() + 10_000;
    while (Date.now() < until && isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(isRunning(pid)).toBe(false);
    expect(logged()).toEqual(["begin long"]);
  });
});
