#!/usr/bin/env node
/** The programs of the package under one name: `npx scorestream pipeline ./mine.ts -- --steps 5`. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { main } from "./setup/main.mjs";

const PROGRAMS = { pipeline: "main", data: "data", monitor: "monitor", checkpoint: "checkpoint", engine: "engine" };
const COMMANDS = [...Object.keys(PROGRAMS), "setup"];

const [command, ...args] = process.argv.slice(2);

if (command === "setup") await main([]);
else if (Object.hasOwn(PROGRAMS, command ?? "")) {
  const file = `src/cli/${PROGRAMS[command]}`;
  const built = existsSync(fileURLToPath(new URL(`../${file}.js`, import.meta.url)));
  await main([`${file}.${built ? "js" : "ts"}`, ...args]);
} else {
  const usage = `scorestream <${COMMANDS.join("|")}> [arguments]; --help after a command explains it\n`;
  const asked = command === undefined || ["--help", "-h", "help"].includes(command);
  (asked ? process.stdout : process.stderr).write(asked ? usage : `there is no command ${command}\n  ${usage}`);
  process.exitCode = asked ? 0 : 2;
}
