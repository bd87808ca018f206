/** One of several that take the locks in the folders of a folder, each at the same moment; says which it got. */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lockWorkdir } from "../../src/run/lock.ts";
import { UsageError } from "../../src/base/errors.ts";

const folder = process.argv[2]!;
const names = readdirSync(folder).filter((name) => !name.startsWith("ready"));
writeFileSync(join(folder, `ready-${process.pid}`), "");
const deadline = Date.now() + 30_000;
while (readdirSync(folder).filter((name) => name.startsWith("ready")).length < 3 && Date.now() < deadline);
const start = Date.now() + 100;
names.forEach((name, i) => {
  while (Date.now() < start + 10 * i);
  try {
    lockWorkdir(join(folder, name));
    process.stdout.write(`${join(folder, name)}\n`);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
  }
});
await new Promise((resolve) => setTimeout(resolve, 1000));
process.exit();
