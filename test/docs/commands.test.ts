import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { checkpointProgram } from "../../src/cli/checkpoint-options.ts";
import { dataProgram } from "../../src/cli/data-options.ts";
import { monitorProgram } from "../../src/cli/monitor.ts";
import { program as pipelineProgram } from "../../src/cli/options.ts";
import { fields } from "../../src/run/config-fields.ts";
import { markdownFiles } from "./markdown.ts";

const optionsOf = ({ options, commands }: Command): string[] => [
  ...options.map(({ long }) => long!),
  ...commands.flatMap(optionsOf),
];

/** What the programs take; of a script that is not here only the name is checked. */
const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  pipeline: optionsOf(pipelineProgram()),
  data: optionsOf(dataProgram()),
  monitor: optionsOf(monitorProgram()),
  checkpoint: [...optionsOf(checkpointProgram()), "--help"],
};
const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as { scripts: Record<string, string> };
const known = new Set(fields.map(({ name }) => name));

/** Each `npm run ...` and `npx scorestream ...`, in code blocks and in lines; a backslash joins lines. */
function commandsOf(text: string): { readonly script: string; readonly words: string[] }[] {
  const joined = text.replace(/\\\n\s*/g, "");
  return [...joined.matchAll(/(?:npm run|npx scorestream) (\w[\w:]*)([^`\n#]*)/g)].map(([, script, rest]) => ({
    script: script!,
    words: rest!.trim().split(/\s+/),
  }));
}

function faultsOf(text: string): string[] {
  return commandsOf(text).flatMap(({ script, words }) => {
    if (!Object.hasOwn(scripts, script)) return [`npm run ${script}: no such script`];
    const options = OPTIONS[script];
    if (!options) return [];
    const flags = words.filter((word) => /^--\w/.test(word)).map((word) => word.replace(/[,.;:)=].*$/, ""));
    const settings = words.flatMap((word, i) => (words[i - 1] === "--set" ? [word.split("=")[0]!] : []));
    return [
      ...flags.filter((flag) => !options.includes(flag)).map((flag) => `npm run ${script}: ${flag}: no such option`),
      ...settings.filter((name) => !known.has(name)).map((name) => `--set ${name}: no such field`),
    ];
  });
}

describe("commands in README and docs", () => {
  it.each(markdownFiles("README.md", "CONTRIBUTING.md", "docs"))("have names that exist: %s", (file) => {
    expect(faultsOf(readFileSync(file, "utf8"))).toEqual([]);
  });

  it("are refused where they are wrong", () => {
    expect(commandsOf(readFileSync("README.md", "utf8")).length).toBeGreaterThan(2);
    expect(faultsOf("`npm run nothing`")).toEqual(["npm run nothing: no such script"]);
    expect(faultsOf("npm run pipeline mnist -- --stepz 5")).toEqual(["npm run pipeline: --stepz: no such option"]);
    expect(faultsOf("npm run pipeline mnist -- \\\n  --set training.stepz=5")).toEqual([
      "--set training.stepz: no such field",
    ]);
  });
});
