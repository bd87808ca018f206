/** A program that nobody reads: it says 200 lines on both outputs, leaves a file, and ends with 3. */
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { runProgram } from "../../src/cli/program.ts";

await runProgram(import.meta.url, async ([file]) => {
  for (let line = 0; line < 200; line++) {
    process.stdout.write(`${line}\n`);
    process.stderr.write(`${line}\n`);
    await sleep(1);
  }
  writeFileSync(file!, "whole");
  return 3;
});
