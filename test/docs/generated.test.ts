import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { importsBetween, roomsOf, shortestArrows } from "../../scripts/docs/architecture.ts";
import { generatedPages } from "../../scripts/docs/pages.ts";

const pages = await generatedPages();

describe("generated pages", () => {
  it.each(pages)("$file is up to date; npm run docs writes it", ({ file, text }) => {
    expect(readFileSync(file, "utf8")).toBe(text);
  });

  it("name every option and field", () => {
    const all = pages.map(({ text }) => text).join("");
    for (const name of ["`--preset <preset>`", "`--label-column <name>`", "`--web <host:port>`", "`training.shards`"]) {
      expect(all).toContain(name);
    }
  });
});

describe("the drawing of the rooms", () => {
  const rooms = roomsOf();
  const arrows = importsBetween();

  it("has only arrows that point down", () => {
    expect(arrows.size).toBeGreaterThan(20);
    const place = (name: string) => rooms.indexOf(name);
    const wrong = [...arrows].filter((arrow) => {
      const [from, to] = arrow.split(" > ") as [string, string];
      return place(from) < 0 || place(to) <= place(from);
    });
    expect(wrong).toEqual([]);
  });

  it("leaves an arrow out where a longer way leads to the same room", () => {
    expect(shortestArrows(new Set(["a > b", "b > c", "a > c"]))).toEqual(["a > b", "b > c"]);
  });

  it("stands beside a table of the same rooms in the same order", () => {
    const page = readFileSync("docs/architecture.md", "utf8").split("## Doors")[0]!;
    expect([...page.matchAll(/^\| `(\w+)` /gm)].map(([, room]) => room)).toEqual(rooms);
  });
});
