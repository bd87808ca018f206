import { expect, it } from "vitest";
import { isPathComponent } from "../../src/base/path-component.ts";

it.each(["train", "my images", "a.b", "..a", "ünï", "x".repeat(255)])("takes %j", (name) => {
  expect(isPathComponent(name)).toBe(true);
});

it.each(["", ".", "..", "...", "a/b", "../a", "/", "a\\b", "a\0", "a\n", "x".repeat(256), "ü".repeat(128)])(
  "refuses %j",
  (name) => {
    expect(isPathComponent(name)).toBe(false);
  },
);
