import { describe, expect, it } from "vitest";
import { andMore, listed } from "../../src/base/lists.ts";

describe("a list in a message", () => {
  it("is whole up to its limit, and counts what it leaves out", () => {
    expect(listed(["a", "b"], { shown: 2 })).toBe("a, b");
    expect(listed(["a", "b", "c", "d"], { shown: 2 })).toBe("a, b (and 2 more)");
    expect(listed([..."abcdefghi"])).toBe("a, b, c, d, e, f, g, h (and 1 more)");
  });

  it("says that it is empty", () => {
    expect(listed([])).toBe("nothing");
    expect(listed([], { none: "none" })).toBe("none");
  });

  it("names what is left out", () => {
    expect(andMore(3, "calls")).toBe(" (and 3 more calls)");
    expect(andMore(0, "calls")).toBe("");
  });
});
