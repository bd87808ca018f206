import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { anchorsOf, linksOf, markdownFiles } from "./markdown.ts";

const files = markdownFiles(".").filter((name) => name !== "CHANGELOG.md");

/** What is wrong with a link, or undefined. */
function fault(file: string, link: string): string | undefined {
  if (/^[a-z]+:/.test(link)) return undefined;
  const [path, anchor] = link.split("#") as [string, string?];
  const target = path ? join(dirname(file), path) : file;
  if (!existsSync(target)) return `${file}: ${link}: no such file`;
  if (anchor && !anchorsOf(target).includes(anchor)) return `${file}: ${link}: no such heading`;
  return undefined;
}

describe("links of the documentation", () => {
  it("are found", () => {
    expect(linksOf("README.md").length).toBeGreaterThan(5);
    expect(fault("README.md", "docs/no-such-page.md")).toMatch("no such file");
    expect(fault("README.md", "CONTRIBUTING.md#no-such-heading")).toMatch("no such heading");
  });

  it.each(files)("lead somewhere: %s", (file) => {
    expect(linksOf(file).flatMap((link) => fault(file, link) ?? [])).toEqual([]);
  });

  it("are right in messages and comments of the code too", () => {
    const folders = ["src", "pipelines", "scripts", "bench", "lab", "deploy", "proto"];
    const found = execFileSync("git", ["grep", "-ohE", "\\bdocs/[a-z/-]+\\.md", "--", ...folders], {
      encoding: "utf8",
    });
    const named = new Set(found.trim().split("\n"));
    expect(named.size).toBeGreaterThan(1);
    expect([...named].filter((name) => !existsSync(name))).toEqual([]);
  });
});
