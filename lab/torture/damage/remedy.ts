/** Follows the remedies that programs print. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL("../../../", import.meta.url));

/** The project in which a remedy's command runs, and its environment. */
export interface Place {
  readonly project?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Words of a command as a shell has them. */
const wordsOf = (text: string) => [...text.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word!);

const isFile = (path: string) => existsSync(path) && statSync(path).isFile();

/** Command that a remedy says to run, as `npm run data -- verify FOLDER`; undefined where it says none. */
function commandIn(remedy: string, project: string): string[] | undefined {
  const [, script, rest = ""] = /npm run ([\w:]+)(?: -- ([^;,]*))?/.exec(remedy) ?? [];
  const { scripts } = JSON.parse(readFileSync(`${project}/package.json`, "utf8")) as {
    scripts: Record<string, string>;
  };
  const command = script === undefined ? undefined : scripts[script];
  // A part in capitals is for the user to fill in.
  if (command === undefined || /\b[A-Z]{3,}\b/.test(rest)) return undefined;
  return [...wordsOf(command), ...wordsOf(rest)];
}

/**
 * Does what the remedy in a program's output says: removes the files that it names, or runs its command.
 *
 * @returns What was done, in words.
 */
export function follow(stderr: string, { project = here, env = {} }: Place = {}): string {
  const remedy = /remedy: (.*)/.exec(stderr)?.[1] ?? "";
  const removes = /\bremove\b/.test(remedy);
  const named = [...stderr.matchAll(/(\/[^\s:,;]+)/g)].map(([, path]) => path!).filter(isFile);
  if (removes && named.length > 0) {
    for (const path of new Set(named)) rmSync(path, { force: true });
    return `removed ${[...new Set(named)].join(", ")}`;
  }
  if (remedy.startsWith("repeat the command")) return "nothing, but to repeat the command";
  const command = commandIn(remedy, project);
  if (command === undefined) return "the remedy names no file and no command";
  const [file, ...argv] = command;
  const { status } = spawnSync(file!, argv, {
    cwd: project,
    env: { ...process.env, ...env },
    timeout: 900_000,
    stdio: "ignore",
  });
  return `ran ${command.join(" ")}, which ended with ${status}`;
}
