import { describe, expect, it } from "vitest";
import { asInstalled } from "../../src/base/commands.ts";
import { isBuilt } from "../../src/base/built.ts";

const lines = [
  ["npm run pipeline gaussian -- --steps 5", "npx scorestream pipeline gaussian -- --steps 5"],
  ["npm run pipeline lists them", "npx scorestream pipeline lists them"],
  ["run npm run data -- prepare --out x ; again", "run npx scorestream data prepare --out x ; again"],
  ["npm run data -- --help shows all", "npx scorestream data --help shows all"],
  ["npm run data --", "npx scorestream data"],
  ["a monitor (npm run monitor)", "a monitor (npx scorestream monitor)"],
  ["npm run monitor [-- options]", "npx scorestream monitor [-- options]"],
  ["npm run checkpoint -- convert a b", "npx scorestream checkpoint convert a b"],
  ["npm run setup repairs it", "npx scorestream setup repairs it"],
  ["npm run mutants and npm install", "npm run mutants and npm install"],
] as const;

describe("command lines in messages", () => {
  it.each(lines)("%s", (line, installed) => {
    expect([asInstalled(line, false), asInstalled(line, true)]).toEqual([line, installed]);
  });

  it("are the repository's in the repository", () => {
    expect([isBuilt, asInstalled(lines[0][0])]).toEqual([false, lines[0][0]]);
  });
});
