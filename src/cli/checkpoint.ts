/** `npm run checkpoint`: lists checkpoints and converts them between formats. */
import { realpathSync } from "node:fs";
import { UsageError } from "../base/errors.ts";
import { checkpointFormat, openCheckpoint, saveCheckpoint } from "../training/checkpoints/checkpoint-formats.ts";
import { parseCheckpointCommand, type CheckpointCommand } from "./checkpoint-options.ts";
import { checkpointReport, checkpointReportText } from "./checkpoint-report.ts";
import { describeFailure } from "./failure.ts";
import { runProgram } from "./program.ts";

interface Output {
  readonly stdout: Pick<NodeJS.WriteStream, "write">;
  readonly stderr: Pick<NodeJS.WriteStream, "write">;
}

const WHEN_FULL = "free some space and run the same command again, or name an output on another disk";

type Conversion = Extract<CheckpointCommand, { kind: "convert" }>;

const resolved = (path: string): string | undefined => {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
};

/** @returns What was written, for people. */
async function convert({ file, out, format }: Conversion): Promise<string> {
  if (resolved(file) !== undefined && resolved(file) === resolved(out)) {
    throw new UsageError(`${out} is the input file`, "give the result another name");
  }
  const stored = await openCheckpoint(file, checkpointFormat(file));
  try {
    await saveCheckpoint(out, format, stored);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!["ENOENT", "ENOTDIR", "EISDIR", "EACCES", "EPERM", "EROFS"].includes(code ?? "")) throw error;
    throw new UsageError(`${out} cannot be written: ${message}`, "give a file in an existing folder", {
      cause: error,
    });
  }
  const { layout, snapshot } = stored;
  return `${out}: ${format}, step ${snapshot.step}, ${layout.count.toLocaleString("en")} parameters\n`;
}

async function perform(command: CheckpointCommand, { stdout, stderr }: Output): Promise<void> {
  switch (command.kind) {
    case "help":
      stdout.write(command.text);
      break;
    case "convert":
      stderr.write(await convert(command));
      break;
    case "inspect": {
      const format = checkpointFormat(command.file);
      const report = checkpointReport(command.file, format, await openCheckpoint(command.file, format));
      stdout.write(command.json ? `${JSON.stringify(report)}\n` : checkpointReportText(report));
    }
  }
}

/**
 * Runs the program.
 *
 * @param argv Arguments after the program's name, such as `["inspect", "checkpoint_26"]`.
 * @returns The exit code: 0 done; 1 failed while running; 2 bad usage or a refused file.
 */
export async function checkpointMain(argv: readonly string[], output: Output = process): Promise<number> {
  try {
    await perform(parseCheckpointCommand(argv), output);
    return 0;
  } catch (error) {
    const failure = describeFailure(error, { trace: process.env["SCORESTREAM_DEBUG"] === "1", whenFull: WHEN_FULL });
    output.stderr.write(`${failure.text}\n`);
    return failure.exitCode;
  }
}

await runProgram(import.meta.url, checkpointMain);
