import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
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

describe("a lock", () => {
  const setUp = (text?: string) => {
    const workdir = temporaryFolder();
    const path = join(workdir, ".lock");
    if (text !== undefined) writeFileSync(path, text);
    const said: string[] = [];
    return { workdir, path, said, take: () => lockWorkdir(workdir, (line) => said.push(line)) };
  };
  const ownedBy = (owner: object) => setUp(JSON.stringify({ pid: process.pid, host: hostname(), ...owner }));
  const readLock = (path: string) => JSON.parse(readFileSync(path, "utf8")) as { pid: number; host: string };

  it("names this process, and is refused to another while it is held", () => {
    const { workdir, path, take } = setUp();
    const unlock = take();
    expect(readLock(path)).toMatchObject({ pid: process.pid, host: hostname() });
    const message = `workdir ${workdir} is in use by process ${process.pid}\n  remedy: wait for it, stop it, or use another --workdir`;
    expect(take).toThrow(message);
    unlock();
    take()();
    expect(existsSync(path)).toBe(false);
  });

  it("calls the folder and the option by the names it is given", () => {
    const { workdir } = setUp("");
    expect(() => lockWorkdir(workdir, undefined, { folder: "data", option: "--into" })).toThrow(
      `data ${workdir} is in use by a run that is just starting\n  remedy: wait for it, stop it, or use another --into`,
    );
  });

  it.runIf(existsSync("/proc/self/stat"))("is taken over where its process id was given out again", () => {
    const { started } = stat(process.pid);
    expect(ownedBy({ started }).take).toThrow(`in use by process ${process.pid}`);
    const { path, said, take } = ownedBy({ started: String(Number(started) - 1) });
    take();
    expect(readLock(path)).toMatchObject({ started });
    expect(said).toHaveLength(1);
  });

  it("goes by the process id alone where the start is not known", () => {
    expect(ownedBy({}).take).toThrow(`in use by process ${process.pid}`);
    const { path, said, take } = ownedBy({ pid: spawnSync("true").pid });
    take();
    expect(readLock(path).pid).toBe(process.pid);
    expect(said).toHaveLength(1);
  });

  it("of another host is refused, whatever runs here", () => {
    const { workdir, path, said, take } = ownedBy({ host: "elsewhere", pid: spawnSync("true").pid, started: "1" });
    expect(take).toThrow(`workdir ${workdir} is in use by process`);
    expect(take).toThrow(`on elsewhere\n  remedy: use another --workdir, or remove ${path} if that run has ended`);
    expect(said).toEqual([]);
  });

  it.each(["", "{", '{"pid":'])(
    "that is not whole is one being written, and after 5 seconds a stale one: %j",
    (text) => {
      const { path, said, take } = setUp(text);
      expect(take).toThrow("is in use by a run that is just starting");
      const then = Date.now() / 1000 - 6;
      utimesSync(path, then, then);
      take();
      expect(readLock(path).pid).toBe(process.pid);
      expect(said).toHaveLength(1);
    },
  );

  it("that another has taken over meanwhile stays", () => {
    const { path, take } = setUp();
    const unlock = take();
    writeFileSync(path, "another's");
    unlock();
    expect(readFileSync(path, "utf8")).toBe("another's");
  });

  it("given back again does nothing to a later owner's", () => {
    const { path, take } = setUp();
    const unlock = take();
    unlock();
    writeFileSync(path, "another's");
    unlock();
    expect(readFileSync(path, "utf8")).toBe("another's");
  });

  it("given back again does nothing to a later one of this process", () => {
    const { path, take } = setUp();
    const unlock = take();
    unlock();
    take();
    unlock();
    expect(existsSync(path)).toBe(true);
  });
});
