import { expect, it } from "vitest";
import { logged } from "../../src/cli/logged.ts";

it("a logged reporter hands everything on, and logs messages and stages", () => {
  const shown: unknown[] = [];
  const written: string[] = [];
  const reporter = logged(
    {
      message: (text) => void shown.push(text),
      stage: (stage) => void shown.push(stage),
      progress: (progress) => void shown.push(progress),
      close: () => void shown.push("closed"),
    },
    (text) => void written.push(text),
  );
  reporter.stage({ name: "training", total: 4 });
  reporter.progress({ done: 1 });
  reporter.message("checkpoint saved");
  reporter.close();
  expect(shown).toEqual([{ name: "training", total: 4 }, { done: 1 }, "checkpoint saved", "closed"]);
  expect(written).toEqual(["training ...", "checkpoint saved"]);
});
