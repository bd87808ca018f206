/** The command line of `npm run checkpoint`. */
import { Command, CommanderError } from "commander";
import { extname } from "node:path";
import { UsageError } from "../base/errors.ts";
import type { CheckpointFormat } from "../training/checkpoints/checkpoint-formats.ts";
import { asInstalled } from "../base/commands.ts";

export type CheckpointCommand =
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "inspect"; readonly file: string; readonly json: boolean }
  | { readonly kind: "convert"; readonly file: string; readonly out: string; readonly format: CheckpointFormat };

const FORMATS: Readonly<Record<string, CheckpointFormat>> = {
  ".arrow": "arrow",
  ".safetensors": "safetensors",
  ".msgpack": "flax",
  "": "flax",
};

/** @throws UsageError for an ending that stands for no format. */
function formatFor(out: string): CheckpointFormat {
  const ending = extname(out).toLowerCase();
  // The reference's files are called checkpoint_<number>.
  const format = FORMATS[ending];
  if (format && Object.hasOwn(FORMATS, ending)) return format;
  throw new UsageError(
    `${out}: ${ending} is not a checkpoint format`,
    "end the name with .arrow (this project's), .safetensors, or .msgpack or nothing (the reference's)",
  );
}

/** @throws UsageError when `out` is no safetensors file. */
function exported(file: string, out: string): CheckpointCommand {
  const format = formatFor(out);
  if (format === "safetensors") return { kind: "convert", file, out, format };
  throw new UsageError(
    `export writes safetensors, but ${out} names another format`,
    `end the name with .safetensors, or give: npm run checkpoint -- convert ${file} ${out}`,
  );
}

const NOTE = `
FILE can be an .arrow file from a run, a .safetensors file, or a flax file of the reference.

Examples:
  npm run checkpoint -- inspect runs/cifar10/checkpoints/checkpoint_500.arrow
  npm run checkpoint -- export runs/cifar10/checkpoints/checkpoint_500.arrow model.safetensors
  npm run checkpoint -- convert checkpoint_26 checkpoint_26.arrow
`;

export function checkpointProgram(found: (command: CheckpointCommand) => void = () => {}): Command {
  const command = new Command(asInstalled("npm run checkpoint --"))
    .description("lists checkpoints and converts them between formats without losing a bit")
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ writeOut: () => {}, writeErr: () => {} });
  command
    .command("inspect")
    .description("lists names, shapes and counts, the step, and the SHA-256 of the parameters")
    .argument("<file>")
    .option("--json", "one JSON object on standard output")
    .action((file: string, { json = false }: { json?: boolean }) => found({ kind: "inspect", file, json }));
  command
    .command("export")
    .description("writes safetensors with the reference's names, for PyTorch, NumPy, JAX ...")
    .argument("<file>")
    .argument("<out.safetensors>")
    .action((file: string, out: string) => found(exported(file, out)));
  command
    .command("convert")
    .description("writes another format, chosen by the ending: .arrow, .safetensors, .msgpack or none")
    .argument("<file>")
    .argument("<out>")
    .action((file: string, out: string) => found({ kind: "convert", file, out, format: formatFor(out) }));
  return command;
}

/**
 * Reads the command line.
 *
 * @param argv What follows the program's name.
 * @throws UsageError for anything that is not understood.
 */
export function parseCheckpointCommand(argv: readonly string[]): CheckpointCommand {
  const result: { command?: CheckpointCommand } = {};
  const command = checkpointProgram((value) => void (result.command = value));
  const help = (): CheckpointCommand => ({ kind: "help", text: command.helpInformation() + asInstalled(NOTE) });
  if (argv.length === 0) return help();
  try {
    command.parse(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === "commander.helpDisplayed") return help();
    const message = error.message.replace(/^error: /, "");
    throw new UsageError(message, "npm run checkpoint -- --help shows the commands", { cause: error });
  }
  return result.command ?? help();
}
