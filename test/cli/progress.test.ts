import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { duration, withError } from "../../src/base/format.ts";
import { barLine } from "../../src/cli/bar-line.ts";
import { Pace } from "../../src/cli/pace.ts";
import { reporterFor } from "../../src/cli/reporter.ts";

function lines() {
  let text = "";
  let time = 0;
  const reporter = reporterFor({ write: (part: string | Uint8Array) => ((text += part), true) }, () => time);
  return { reporter, wait: (ms: number) => (time += ms), text: () => text };
}

describe("progress in a log", () => {
  it("has a line each tenth, with loss, images/s and the time left, and no control characters", () => {
    const { reporter, wait, text } = lines();
    reporter.stage({ name: "training", total: 100, unit: "steps" });
    for (let done = 1; done <= 100; done++) {
      wait(100);
      reporter.progress({ done, loss: 1 / 3, imagesPerSecond: 640 });
    }
    reporter.close();
    const shown = text().split("\n");
    expect(shown).toHaveLength(1 + 10 + 1);
    expect(shown[5]).toBe("training: 50/100 steps (loss 0.3333, 640 images/s, 5 s left)");
    // eslint-disable-next-line no-control-regex
    expect(text()).not.toMatch(/[\x00-\x09\x0b-\x1f]/);
  });

  it("has a line each 10 seconds, and the last count", () => {
    const { reporter, wait, text } = lines();
    reporter.stage({ name: "likelihood (ODE)" });
    for (let done = 1; done <= 25; done++) {
      wait(1000);
      reporter.progress({ done });
    }
    reporter.stage({ name: "samples", total: 2 });
    expect(text()).toBe(
      "likelihood (ODE) ...\nlikelihood (ODE): 10\nlikelihood (ODE): 20\nlikelihood (ODE): 25\nsamples ...\n",
    );
  });

  it("begins its tenths anew with each stage", () => {
    const { reporter, wait, text } = lines();
    reporter.stage({ name: "training", total: 10 });
    reporter.progress({ done: 10 });
    reporter.stage({ name: "samples", total: 100 });
    for (const done of [1, 2, 10]) {
      wait(10);
      reporter.progress({ done });
    }
    expect(text()).toBe("training ...\ntraining: 10/10\nsamples ...\nsamples: 10/100 (0.2 s left)\n");
  });

  it("does not count a resumed run's steps as its pace", () => {
    const { reporter, wait, text } = lines();
    reporter.stage({ name: "training", total: 1000 });
    reporter.progress({ done: 801 });
    wait(10_000);
    reporter.progress({ done: 901 });
    expect(text()).toContain("training: 901/1000 (10 s left)");
  });
});

describe("progress on a terminal", () => {
  function terminalOf(columns: number) {
    const screen = Object.assign(new PassThrough(), { isTTY: true, columns });
    const parts: string[] = [];
    screen.on("data", (data) => parts.push(String(data)));
    // The library moves the cursor with node:readline, which needs these of a terminal.
    const terminal = Object.assign(screen, { cursorTo: () => true, clearLine: () => true, moveCursor: () => true });
    return { terminal, parts };
  }

  it("draws a bar, keeps messages, and gives the cursor back", () => {
    const { terminal, parts } = terminalOf(120);
    const interrupts = process.listenerCount("SIGINT");
    const reporter = reporterFor(terminal, Date.now, {});
    reporter.stage({ name: "training", total: 4, unit: "steps" });
    reporter.progress({ done: 2, loss: 0.25 });
    reporter.message("checkpoint saved");
    expect(process.listenerCount("SIGINT")).toBe(interrupts);
    reporter.close();
    const text = parts.join("");
    expect(text).toContain("training ████████████░░░░░░░░░░░░ 2/4 steps loss 0.25");
    expect(text).toContain("\r\x1b[2Kcheckpoint saved\n");
    // It is drawn again below the message.
    expect(text.slice(text.indexOf("checkpoint saved")).match(/2\/4 steps/g)?.length).toBeGreaterThan(1);
    // The terminal goes on wrapping: a message may be longer than a line.
    expect(text).not.toContain("\x1b[?7l");
    expect(text.lastIndexOf("\x1b[?25h")).toBeGreaterThan(text.lastIndexOf("\x1b[?25l"));
  });

  it("fits the bar to a narrow terminal, also one that becomes it, and cuts no message", () => {
    const { terminal, parts } = terminalOf(120);
    let time = 0;
    const reporter = reporterFor(terminal, () => time, {});
    reporter.stage({ name: "likelihood of the test images", total: 4, unit: "images" });
    reporter.progress({ done: 1, loss: 0.25 });
    Object.assign(terminal, { columns: 40 });
    time = 90_000;
    reporter.progress({ done: 2, loss: 0.25 });
    const message = "FID, KID and the Inception score need a network: ".repeat(3);
    reporter.message(message);
    reporter.close();
    expect(parts).toContain(`\r\x1b[2K${message}\n`);
    expect(parts).toContain("likelihood of the test i… 2/4 3 min left");
    expect(parts.filter((part) => part.includes("2/4") && part.length > 40)).toEqual([]);
  });

  it("is lines on a terminal that cannot draw over one", () => {
    const { terminal, parts } = terminalOf(80);
    const reporter = reporterFor(terminal, () => 0, { TERM: "dumb" });
    reporter.stage({ name: "training", total: 4, unit: "steps" });
    reporter.progress({ done: 4, loss: 0.25 });
    reporter.close();
    expect(parts.join("")).toBe("training ...\ntraining: 4/4 steps (loss 0.25)\n");
  });
});

describe("the line of a bar", () => {
  const stage = { name: "training", total: 250_000, unit: "steps" };
  const progress = { done: 123_456, loss: 0.031415, imagesPerSecond: 512.34 };
  const at = (columns: number) => barLine(stage, progress, 190_000, columns);

  it("tells all where there is room, and at 80 and 40 columns the time left", () => {
    expect(at(120)).toBe(
      "training ████████████░░░░░░░░░░░░ 123456/250000 steps loss 0.03141, 512.3 images/s, 2 d 4 h left",
    );
    expect(at(80)).toBe("training ████████████░░░░░░░░░░░░ 123456/250000 steps loss 0.03141, 2 d 4 h left");
    expect(at(79)).toBe("training █████░░░░░ 123456/250000 steps loss 0.03141, 2 d 4 h left");
    expect(at(60)).toBe("training █████░░░░░ 123456/250000 steps 2 d 4 h left");
    expect(at(40)).toBe("training 123456/250000 2 d 4 h left");
  });

  it("is never longer than the terminal, and always has the time left, for any name", () => {
    for (const name of ["samples", "likelihood (ODE)", "bound by the variational dequantizer"]) {
      for (const total of [undefined, 64, 250_000]) {
        for (let columns = 40; columns < 130; columns++) {
          const line = barLine({ name, ...(total && { total }), unit: "images" }, progress, 43_000, columns);
          expect(line.length).toBeLessThanOrEqual(columns);
          expect(line).toMatch(/11 h 56 min left$/);
        }
      }
    }
  });

  it("is full, with no time left, where more came than was to come", () => {
    expect(barLine({ name: "samples", total: 4 }, { done: 5 }, undefined, 80)).toBe(`samples ${"█".repeat(24)} 5/4`);
    const pace = new Pace(4);
    expect(pace.secondsLeft(1, 0)).toBeUndefined();
    expect(pace.secondsLeft(5, 1000)).toBe(0);
  });

  it("leaves out what is not known", () => {
    expect(barLine({ name: "samples" }, { done: 3 }, undefined, 80)).toBe("samples 3");
  });
});

it.each([
  [0, "0 s"],
  [0.25, "0.3 s"],
  [59.6, "1 min"],
  [3725, "1 h 2 min"],
  [90_000, "1 d 1 h"],
])("duration of %d", (seconds, text) => expect(duration(seconds)).toBe(text));

it.each([
  [4.21341, 0.0213, "4.213 ± 0.021"],
  [4.21341, 0.00031, "4.21341 ± 0.00031"],
  [4.21341, undefined, "4.2134"],
])("%d with its error", (value, error, text) => expect(withError(value, error)).toBe(text));
