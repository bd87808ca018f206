import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { lockWorkdir } from "../../src/run/lock.ts";
import { temporaryFolder } from "../cli/fixture.ts";

/** State and start time of a process, as /proc has them. */
function stat(pid: number) {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0]!, started: fields[19]! };
}

let parent: ChildProcess | undefined;
afterEach(() => parent?.kill("SIGKILL"));

/** A process of a parent that never asks how it ended. @returns Its id. */
async function unreaped(): Promise<number> {
  parent = spawn("sh", ["-c", "sleep 60 & echo $!; exec sleep 60"], { stdio: ["ignore", "pipe", "ignore"] });
  const [line] = (await once(parent.stdout!, "data")) as [Buffer];
  return Number(String(line));
}

describe.runIf(existsSync("/proc/self/stat"))("the lock of a killed run", () => {
  it("is taken over, also where nobody has asked how the run ended; that of a running one is not", async () => {
    const workdir = temporaryFolder();
    const pid = await unreaped();
    const { started } = stat(pid);
    writeFileSync(join(workdir, ".lock"), JSON.stringify({ pid, host: hostname(), started }));
    expect(() => lockWorkdir(workdir)).toThrow(`in use by process ${pid}`);
    process.kill(pid, "SIGKILL");
    await expect.poll(() => stat(pid).state).toBe("Z");
    const said: string[] = [];
    const unlock = lockWorkdir(workdir, (text) => said.push(text));
    expect(said).toEqual([expect.stringContaining("did not end in order; its lock is taken over")]);
    unlock();
    expect(existsSync(join(workdir, ".lock"))).toBe(false);
  });
});
