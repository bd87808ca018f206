/** The frame around every command line: it outlives whoever reads it, and ends with words and an exit code. */
import { realpathSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { describeFailure } from "./failure.ts";
import { stopWithLauncher } from "./orphaned.ts";

/** Errors of a terminal or a pipe that nobody reads any more. */
const UNREAD = ["EPIPE", "EIO"];

/**
 * Runs `main` when `module` is the program that was started; does nothing when it is only imported.
 *
 * Whoever reads may close early, as `head` does, and a terminal may be closed: the work goes on without being watched.
 *
 * @param module `import.meta.url` of the caller.
 * @param main Takes the arguments and returns the exit code.
 */
export async function runProgram(module: string, main: (argv: readonly string[]) => Promise<number>): Promise<void> {
  const entry = process.argv[1];
  if (!entry || module !== pathToFileURL(realpathSync(entry)).href) return;
  const fail = (error: unknown) => {
    const { text, exitCode } = describeFailure(error, { trace: process.env["SCORESTREAM_DEBUG"] === "1" });
    process.stderr.write(`${text}\n`);
    process.exit(exitCode);
  };
  process.on("uncaughtException", fail);
  process.stderr.on("error", () => {});
  process.stdout.on("error", (error: NodeJS.ErrnoException) => UNREAD.includes(error.code ?? "") || fail(error));
  stopWithLauncher();
  const exitCode = await main(process.argv.slice(2));
  await new Promise((resolve) => process.stdout.write("", resolve));
  process.exit(exitCode);
}
