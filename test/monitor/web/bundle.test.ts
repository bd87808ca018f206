import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { bundlePage } from "../../../src/monitor/web/bundle.ts";

it("holds the page's program, the worker by the version of its bytes, and the style", () => {
  const { script, worker, style } = bundlePage();
  const version = createHash("sha256").update(worker).digest("hex").slice(0, 16);
  const text = Buffer.from(script).toString();
  expect(text).toContain(version);
  expect(text).not.toContain("WORKER_VERSION");
  expect(Buffer.from(style).toString()).toContain("{");
  expect(bundlePage().script).toBe(script);
});
