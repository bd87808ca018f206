/** The pages, and the part of a page, that are generated from the code. */
import { readFileSync } from "node:fs";
import { format } from "prettier";
import { architecture } from "./architecture.ts";
import { commandLine } from "./command-line.ts";
import { configuration } from "./configuration.ts";
import { licences } from "./licences.ts";

export interface GeneratedPage {
  readonly file: string;
  readonly text: string;
}

/** Every generated page as it should be. */
export async function generatedPages(): Promise<GeneratedPage[]> {
  const drawn = "docs/architecture.md";
  const pages = [
    { file: "docs/reference/command-line.md", text: commandLine() },
    { file: "docs/reference/configuration.md", text: configuration() },
    { file: "docs/reference/licences.md", text: licences() },
    { file: drawn, text: architecture(readFileSync(drawn, "utf8")) },
  ];
  const formatted = pages.map(async ({ file, text }) => {
    return { file, text: await format(text, { parser: "markdown", printWidth: 120 }) };
  });
  return Promise.all(formatted);
}
