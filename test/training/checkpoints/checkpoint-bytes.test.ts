import { writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import { checkpointBytes } from "../../../src/training/checkpoints/checkpoint-bytes.ts";
import { temporaryFile } from "./checkpoint-fixture.ts";

it("the bytes of a checkpoint are all of them, or the first", () => {
  const path = temporaryFile("a");
  writeFileSync(path, "ARROW1");
  expect(Buffer.from(checkpointBytes(path)).toString()).toBe("ARROW1");
  expect(Buffer.from(checkpointBytes(path, 3)).toString()).toBe("ARR");
});

it("a file that cannot be read is named, with the cause of it", () => {
  const path = temporaryFile("a");
  const cause = expect.objectContaining({ code: "ENOENT" }) as Error;
  expect(() => checkpointBytes(path)).toThrow(UsageError);
  expect(() => checkpointBytes(path)).toThrow(expect.objectContaining({ cause }) as Error);
  expect(() => checkpointBytes(path)).toThrow(`checkpoint ${path} cannot be read: ENOENT`);
});
