import { expect, it } from "vitest";
import { sealJson, unsealJson } from "../../src/base/sealed-json.ts";

const open = (text: string) => unsealJson(JSON.parse(text) as Record<string, unknown>);

it("gives back the object, and says whether it is as it was written", () => {
  const value = { name: "one", rate: 0.1, list: [1, 2], absent: undefined };
  const text = sealJson(value);
  expect(open(text)).toEqual({ value: { name: "one", rate: 0.1, list: [1, 2] }, whole: true });
  expect(open(text.replace(/\s/g, "")).whole).toBe(true);
  expect(open(text.replace("0.1", "0.2")).whole).toBe(false);
  expect(open(text.replace("one", "two")).whole).toBe(false);
});

it("cannot say it of an object without a hash", () => {
  expect(unsealJson({ a: 1 })).toEqual({ value: { a: 1 }, whole: undefined });
});
