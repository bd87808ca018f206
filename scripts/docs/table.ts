/** Tables of Markdown. */

const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");

/** A table; prettier aligns it. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line), ""].join("\n");
}

export const code = (text: string): string => `\`${text}\``;

/** Said at the top of a page that is generated. */
export const generatedFrom = (source: string): string =>
  `_Generated from ${source} by \`npm run docs\`; a test holds it up to date._\n`;
