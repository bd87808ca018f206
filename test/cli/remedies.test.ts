/** Walks through what messages propose: the command is refused, the remedy is done, and then the command works. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { pipelineMain } from "../../src/cli/main.ts";
import { temporaryFolder } from "./fixture.ts";

/** Words of a command as the shell takes them. */
const words = (command: string) =>
  execFileSync("sh", ["-c", `printf '%s\\n' ${command}`], { encoding: "utf8" })
    .trimEnd()
    .split("\n");

const SMALL = ["--steps", "2", "--set", "eval.numImages=8", "--set", "sampling.numSamples=4", "--preset", "quick"];

async function run(argv: readonly string[]) {
  let said = "";
  const write = (text: string | Uint8Array) => ((said += String(text)), true);
  return { exitCode: await pipelineMain(argv, { stdout: { write }, stderr: { write } }), said };
}

interface Walk {
  readonly name: string;
  /** @returns The command that is refused. */
  readonly arrange: (workdir: string) => string[];
  /** What its message must contain; the first group is handed to `follow`. */
  readonly message: RegExp;
  /** Does what the remedy says. */
  readonly follow: (workdir: string, proposed: string) => unknown;
}

const walks: readonly Walk[] = [
  {
    name: "nothing was trained yet",
    arrange: (workdir) => ["gaussian", "--mode", "eval", "--set", "eval.numImages=8", "--workdir", workdir],
    message: /remedy: train first \(npm run pipeline (.*)\), or name one with/,
    follow: async (_, proposed) => {
      const [first, ...others] = words(proposed).filter((word) => word !== "--");
      expect(await run([first!, ...others, ...SMALL])).toMatchObject({ exitCode: 0 });
    },
  },
  {
    name: "a damaged config.json",
    arrange: (workdir) => (
      writeFileSync(join(workdir, "config.json"), "{"),
      ["gaussian", ...SMALL, "--workdir", workdir]
    ),
    message: /remedy: (remove it) to use the settings of its checkpoint/,
    follow: (workdir) => rmSync(join(workdir, "config.json")),
  },
  {
    name: "a lock of another host",
    arrange: (workdir) => {
      writeFileSync(join(workdir, ".lock"), JSON.stringify({ pid: 1, host: "elsewhere" }));
      return ["gaussian", ...SMALL, "--workdir", workdir];
    },
    message: /remedy: (wait: 1 min) after its last sign of life its lock is taken over/,
    follow: (workdir) => {
      const path = join(workdir, ".lock");
      const then = Date.now() / 1000 - 61;
      expect(readFileSync(path, "utf8")).toContain("elsewhere");
      utimesSync(path, then, then);
    },
  },
];

it.each(walks)("$name", { timeout: 60_000 }, async ({ arrange, message, follow }) => {
  const workdir = join(temporaryFolder(), `a b, "c" %d #1 é's`);
  mkdirSync(workdir);
  const argv = arrange(workdir);
  const refused = await run(argv);
  expect(refused.exitCode).toBe(2);
  expect(refused.said).toMatch(message);
  await follow(workdir, message.exec(refused.said)![1]!);
  expect(await run(argv)).toMatchObject({ exitCode: 0 });
});

it("a name that other libraries have for a field", { timeout: 60_000 }, async () => {
  const argv = (name: string) => ["gaussian", ...SMALL, "--set", `${name}=1e-3`, "--workdir", temporaryFolder()];
  const refused = await run(argv("optim.learningRate"));
  expect(refused.exitCode).toBe(2);
  const proposed = /optim\.learningRate: is not a configuration field; nearest: ([\w.]+),/.exec(refused.said)![1]!;
  expect(proposed).toBe("optim.lr");
  expect(await run(argv(proposed))).toMatchObject({ exitCode: 0 });
});
