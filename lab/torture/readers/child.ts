/** Reads the files that its parent names, one after another, and says what came of each. */
import { UsageError } from "../../../src/base/errors.ts";
import { readers, type ReaderName } from "./formats.ts";

/** What is asked of the child. */
export interface Asked {
  readonly reader: ReaderName;
  readonly path: string;
}

/** "read", "refused", or what was thrown that names no file and no remedy. */
export type Answer = "read" | "refused" | `bare ${string}`;

async function answer({ reader, path }: Asked): Promise<Answer> {
  try {
    await readers[reader](path);
    return "read";
  } catch (error) {
    // Readers of parts throw RangeErrors that their callers give a name and a remedy.
    if (error instanceof UsageError || error instanceof RangeError) return "refused";
    return `bare ${String(error).split("\n")[0]!}`;
  }
}

process.on("message", (asked: Asked) => void answer(asked).then((said) => process.send!(said)));
process.send!("ready");
