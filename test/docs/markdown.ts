/** What the tests of the documentation read from Markdown. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** The Markdown files of the repository, those that git does not know yet among them. */
export const markdownFiles = (...folders: readonly string[]): string[] =>
  execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "--", ...folders], {
    encoding: "utf8",
  })
    .split("\n")
    .filter((name) => name.endsWith(".md"));

export interface CodeBlock {
  readonly file: string;
  /** Of the first line of code, from 1. */
  readonly line: number;
  /** What follows the opening fence, "ts". */
  readonly language: string;
  readonly code: string;
}

/** The fenced blocks of a file. */
export function codeBlocks(file: string): CodeBlock[] {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/^```(\S*)[^\n]*\n(.*?)^```$/gms)].map((found) => ({
    file,
    line: text.slice(0, found.index).split("\n").length + 1,
    language: found[1]!,
    code: found[2]!,
  }));
}

/** The text without its code blocks. */
export const proseOf = (file: string): string => readFileSync(file, "utf8").replace(/^```.*?^```$/gms, "");

/** GitHub's anchor of each heading. */
export const anchorsOf = (file: string): string[] =>
  [...proseOf(file).matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );

/** Targets of links and pictures. */
export const linksOf = (file: string): string[] =>
  [...proseOf(file).matchAll(/\]\(([^)\s]+)\)|(?:src|href)="([^"]+)"/g)].map((found) => (found[1] ?? found[2])!);
