import { describe, expect, it } from "vitest";
import { parseNumbers, stringifyNumbers } from "../../src/base/json-numbers.ts";

describe("JSON with numbers that are not finite", () => {
  it("gives each of them back, and everything else as it was", () => {
    const value = {
      values: [1, NaN, Infinity, -Infinity, 0, null],
      text: "NaN",
      number: { number: 1, other: "NaN" },
      nested: [{ number: "Infinity of it" }],
    };
    expect(parseNumbers(stringifyNumbers(value))).toEqual(value);
    expect(stringifyNumbers({ a: [1, 2.5] })).toBe('{"a":[1,2.5]}');
  });
});
