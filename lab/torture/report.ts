/** The page of what was tried: `docs/lab/reliability.md`. */
import type { Outcome } from "./part.ts";

/** What came of one case. */
export interface Tried extends Outcome {
  readonly part: string;
  readonly name: string;
  readonly seconds: number;
}

/** Characters of a cell at most. */
const WIDTH = 240;
const plain = (text: string) => text.replace(/[^\x20-\x7e]+/g, " ").replace(/\/tmp\/scorestream-torture-\w+/g, "FOLDER").replace(/\s+/g, " "); // prettier-ignore
const cell = (text: string) =>
  plain(text)
    .slice(0, WIDTH)
    .replace(/[|*_<>`]/g, "\\$&");

/** One row a case, the lost ones named. */
export function reliabilityPage(command: string, tried: readonly Tried[]): string {
  const sum = (of: (one: Tried) => number) => tried.reduce((all, one) => all + of(one), 0);
  const rows = tried.map(({ part, name, tries, lost }) => {
    const first = lost.length === 0 ? "nothing" : `${lost.length}: ${lost.slice(0, 3).join("; ")}`;
    return `| ${part} | ${cell(name)} | ${tries} | ${cell(first)} |`;
  });
  return [
    "# Reliability",
    "",
    `\`${command}\` wrote this page. It makes faults and says what was lost.`,
    "",
    `- ${sum(({ tries }) => tries)} faults in ${tried.length} cases, ${(sum(({ seconds }) => seconds) / 3600).toFixed(2)} hours of work.`,
    `- ${sum(({ lost }) => lost.length)} of them lost something.`,
    "",
    "| part | fault | tries | lost |",
    "| ---- | ----- | ----: | ---- |",
    ...rows,
    "",
  ].join("\n");
}
