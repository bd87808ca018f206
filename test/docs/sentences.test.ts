import { describe, expect, it } from "vitest";
import { markdownFiles, proseOf } from "./markdown.ts";

const LONGEST = 25;

/** The sentences of a page: paragraphs and list items, without headings, tables and code. */
function sentencesOf(file: string): string[] {
  const blocks = proseOf(file)
    .replace(/^(#|\||\[\w+\]:).*$/gm, "")
    .replace(/^(?=[-*] |\d+\. )/gm, "\n")
    .split(/\n\s*\n/);
  return blocks.flatMap((block) =>
    block
      .replace(/`[^`]*`/g, "code")
      .replace(/\]\([^)]*\)/g, "]")
      .replace(/\s+/g, " ")
      .split(/(?<=[.:?!])\s+(?=\S)/)
      .map((sentence) => sentence.trim()),
  );
}

const reference = ["data", "exchange", "exchange-protocol", "flight", "monitor", "sample-quality"].map(
  (name) => `docs/reference/${name}.md`,
);
const pages = markdownFiles("README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/guide", ...reference);

const wordsOf = (sentence: string) => sentence.split(" ").filter((word) => /\w/.test(word)).length;

describe("sentences of README, guide and reference", () => {
  it.each(pages)("are short: %s", (file) => {
    const sentences = sentencesOf(file);
    expect(sentences.length).toBeGreaterThan(5);
    expect(sentences.filter((sentence) => wordsOf(sentence) > LONGEST)).toEqual([]);
  });

  it("are counted in words", () => {
    expect(wordsOf("Take `--set a=b`, or none - at all.")).toBe(7);
  });
});
