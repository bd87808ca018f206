/** `docs/reference/command-line.md`: every program with its options, from the programs themselves. */
import type { Command, Option } from "commander";
import { checkpointProgram } from "../../src/cli/checkpoint-options.ts";
import { dataProgram } from "../../src/cli/data-options.ts";
import { monitorProgram } from "../../src/cli/monitor.ts";
import { program as pipelineProgram } from "../../src/cli/options.ts";
import { formats } from "../../src/data/sources/formats.ts";
import { code, generatedFrom, table } from "./table.ts";

const EXIT_CODES = [
  ["0", "The program did what was asked."],
  ["1", "It failed while running; the same command may succeed later."],
  ["2", "The command line, the configuration or the data are wrong; the message says what to change."],
  ["129, 130, 143", "SIGHUP, Ctrl-C or SIGTERM stopped it, after it had saved."],
] as const;

const VARIABLES = [
  ["`SCORESTREAM_CACHE`", "Folder of the engine and of fetched data; default `~/.cache/scorestream`."],
  ["`SCORESTREAM_ENGINE`", "`cpu`, `cuda`, `prebuilt` or `wasm` in place of the engine that the set-up chooses."],
  ["`SCORESTREAM_TOKEN`", "The token, in place of `--token-file`."],
  ["`SCORESTREAM_XLA`", "`1` compiles the recorded graphs with XLA, on a GPU."],
  ["`SCORESTREAM_XLA_CACHE`", "Folder in which XLA keeps what it tuned and compiled, by GPU and version."],
  ["`SCORESTREAM_LAYOUT`", "`nhwc` keeps TensorFlow from turning convolutions into NCHW on a GPU."],
  ["`SCORESTREAM_DEBUG`", "`1` prints the stack of an error."],
  ["`NVIDIA_TF32_OVERRIDE`", "`0` computes in float32 on a GPU; it is more than twice as slow as TF32."],
] as const;

/** Angle brackets would be HTML. */
const plain = (text: string) => text.replaceAll("<", "&lt;");

function optionRow({ flags, description, defaultValue, argChoices }: Option): string[] {
  const choices = argChoices ? ` (${argChoices.join(", ")})` : "";
  const given = defaultValue === undefined ? "" : code(String(defaultValue));
  return [code(flags), plain(description + choices), given];
}

/** A command, its arguments and its options; then those of its subcommands. */
function section(command: Command, before: string, depth: number): string {
  const name = `${before} ${command.name()}`.trim();
  const words = command.registeredArguments.map((argument) => {
    const text = argument.variadic ? `${argument.name()}...` : argument.name();
    return argument.required ? `<${text}>` : `[${text}]`;
  });
  const usage = [name, ...words].join(" ");
  const parts = [`${"#".repeat(depth)} ${name.replace(/ --(?= |$)/, "")}\n`];
  if (command.commands.length === 0) parts.push(`\`${usage}\`\n`);
  if (command.description()) parts.push(`This ${command.description()}.\n`);
  if (command.options.length) parts.push(table(["Option", "Meaning", "Default"], command.options.map(optionRow)));
  return [...parts, ...command.commands.map((inner) => section(inner, name, depth + 1))].join("\n");
}

export function commandLine(): string {
  return [
    "# Command line\n",
    generatedFrom("the programs"),
    "npm takes options before `--` as its own: put `--` before the first option.",
    "In a project that has installed the package, write `npx scorestream pipeline` for `npm run pipeline`.\n",
    section(pipelineProgram(), "", 2),
    "`npm run pipeline new <name>` writes a pipeline that runs, as a start for your own.\n",
    section(dataProgram(), "", 2),
    "### Formats of npm run data\n",
    table(["`--format`", "Images"], formats.map(({ name, summary }) => [code(name), summary])), // prettier-ignore
    section(monitorProgram(), "", 2),
    section(checkpointProgram(), "", 2),
    "## npm run engine\n",
    "Prints which tensor engine runs, on which device, and how fast a convolution is. `--json` prints one JSON object.\n",
    "## npm run setup\n",
    "Sets up the engine, as every command does at its first use, and nothing else.\n",
    "## Exit codes\n",
    table(["Code", "Meaning"], EXIT_CODES),
    "## Environment variables\n",
    table(["Variable", "Meaning"], VARIABLES),
  ].join("\n");
}
