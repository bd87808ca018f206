import { mkdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Bell } from "../../src/base/bell.ts";
import { logFile, logPath } from "../../src/monitor/log-file.ts";
import { temporaryFolder } from "./fixture.ts";

describe("the log of a run", () => {
  it("is appended to, with the time before each message and further lines indented", () => {
    const workdir = temporaryFolder();
    let ms = 0;
    const log = logFile(workdir, () => {}, () => new Date(ms)); // prettier-ignore
    log("one\ntwo\nthree");
    ms = 1500;
    log("four");
    expect(readFileSync(logPath(workdir), "utf8")).toBe(
      "1970-01-01T00:00:00.000Z one\n  two\n  three\n1970-01-01T00:00:01.500Z four\n",
    );
  });

  it("that cannot be written is told about once", () => {
    const workdir = temporaryFolder();
    mkdirSync(logPath(workdir));
    const told: string[] = [];
    const log = logFile(workdir, (text) => told.push(text));
    log("one");
    log("two");
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(`warning: ${logPath(workdir)} is no longer written: EISDIR`);
  });
});

describe("Bell", () => {
  it("wakes all who wait, once; who comes after the ring waits for the next", async () => {
    const bell = new Bell();
    const woken: string[] = [];
    const wait = (name: string) => void bell.next().then(() => woken.push(name));
    wait("a");
    wait("b");
    bell.ring();
    wait("c");
    await Promise.resolve();
    expect(woken).toEqual(["a", "b"]);
    bell.ring();
    bell.ring();
    await Promise.resolve();
    expect(woken).toEqual(["a", "b", "c"]);
  });
});
