import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const lab = new URL("../../lab/", import.meta.url);

it("each script and folder of the laboratory has its line in lab/README.md, and nothing else has", () => {
  const text = readFileSync(new URL("README.md", lab), "utf8");
  const there = readdirSync(lab, { withFileTypes: true }).map(
    (entry) => `${entry.name}${entry.isDirectory() ? "/" : ""}`,
  );
  const named = [...text.matchAll(/`([\w-]+(?:\.ts|\.py|\/))`/g)].map(([, name]) => name!);
  expect([...new Set(named)].sort()).toEqual(there.filter((name) => !/README|__pycache__/.test(name)).sort());
});
