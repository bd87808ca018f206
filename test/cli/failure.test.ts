import { describe, expect, it } from "vitest";
import { NonFiniteLossError, RunError, UsageError } from "../../src/base/errors.ts";
import { describeFailure, failureOf } from "../../src/cli/failure.ts";

const system = (code: string, path?: string) => Object.assign(new Error(`${code}: it went wrong`), { code, path });
const wrapped = (cause: unknown) => new UsageError("the file is bad", "use another", { cause });
const codeOf = (error: unknown) => describeFailure(error, { trace: false }).exitCode;

describe("the exit code", () => {
  it.each<[string, unknown, number]>([
    ["bad usage", new UsageError("no such preset", "use another"), 2],
    ["bad usage with another cause", wrapped(system("EACCES")), 2],
    ["bad usage for want of space", wrapped(system("ENOSPC")), 1],
    ["bad usage for want of quota, two causes down", wrapped(new Error("between", { cause: system("EDQUOT") })), 1],
    ["a failed run", new RunError("the loss is lost"), 1],
    ["a loss that is not finite", new NonFiniteLossError(3, NaN), 1],
    ["a full disk", system("ENOSPC"), 1],
    ["a quota that is used up", system("EDQUOT"), 1],
    ["any other error", new TypeError("x is not a function"), 1],
    ["something thrown that is no error", "a word", 1],
  ])("of %s", (_, error, code) => {
    expect(codeOf(error)).toBe(code);
  });

  it("is found in a chain of causes that goes round", () => {
    const error = new UsageError("round", "stop");
    error.cause = new Error("and round", { cause: error });
    expect(codeOf(error)).toBe(2);
  });
});

describe("the text", () => {
  const textOf = (error: unknown, workdir?: string) =>
    describeFailure(error, { trace: false, ...(workdir ? { workdir } : {}) });

  it("of bad usage is its own, also on a full disk", () => {
    for (const cause of [undefined, system("ENOSPC")]) {
      const { text, summary } = textOf(wrapped(cause));
      expect(text).toBe("error: the file is bad\n  remedy: use another");
      expect(summary).toBe("the file is bad");
    }
  });

  it.each([
    [system("ENOSPC", "/a/file"), "/work", "no space left on the disk while writing /a/file"],
    [system("ENOSPC"), "/work", "no space left on the disk while writing /work"],
    [system("EDQUOT"), undefined, "the disk quota is used up while writing a file"],
    [
      new Error("outside", { cause: system("EDQUOT", "/a/file") }),
      "/work",
      "the disk quota is used up while writing /a/file",
    ],
  ])("of a full disk names the file, or else the workdir: %#", (error, workdir, summary) => {
    const failure = textOf(error, workdir);
    expect(failure.summary).toBe(summary);
    expect(failure.text).toMatch(new RegExp(`^error: ${summary}\n  remedy: free some space`));
  });

  it.each([
    [new TypeError("x is no function"), "TypeError: x is no function"],
    [new Error("plain"), "plain"],
    ["a word", "a word"],
  ])("of the unexpected has the error's name, and says how to learn more: %#", (error, summary) => {
    expect(textOf(error)).toMatchObject({ summary, text: `error: ${summary}\n  SCORESTREAM_DEBUG=1 shows where` });
  });

  it("has the traces of the error and of each cause when asked", () => {
    const error = wrapped(system("EACCES"));
    const { text, summary } = describeFailure(error, { trace: true });
    expect(text).toBe(`error: ${error.message}\n${error.stack}\n${(error.cause as Error).stack}`);
    expect(summary).toBe("the file is bad");
  });
});

describe("the failure that is told of a run", () => {
  it("has its first line and its remedy, of a bounded length", () => {
    expect(failureOf(wrapped(undefined), "/work")).toEqual({ error: "the file is bad", remedy: "use another" });
    expect(failureOf(new RunError("the loss is lost"), "/work")).toEqual({ error: "the loss is lost" });
    const long = failureOf(new UsageError("e".repeat(3000), "r".repeat(3000)), "/work");
    expect(long).toEqual({ error: "e".repeat(1000), remedy: "r".repeat(1000) });
  });
});
