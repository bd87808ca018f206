import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { startBeat } from "../../src/run/lock-beat.ts";
import { awaitSilence, lockWorkdir } from "../../src/run/lock.ts";
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
    expect(said).toEqual([expect.stringContaining("did not end cleanly; its lock is taken over")]);
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
    const message = `workdir ${workdir} is in use by process ${process.pid}\n  remedy: wait for it, stop it, or use another --workdir; if the folder is a copy of one in use, remove ${path}`;
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

  describe.each([
    ["another host", { host: "elsewhere" }],
    ["another start of the machine, or another container", { host: hostname(), space: "boot pid:[1]" }],
  ])("of %s", (_, elsewhere) => {
    it("is refused while it gives signs of life, whatever runs here", () => {
      const { workdir, said, take } = ownedBy({ ...elsewhere, pid: spawnSync("true").pid, started: "1" });
      expect(take).toThrow(`workdir ${workdir} is in use by process`);
      expect(take).toThrow(
        `on ${elsewhere.host}\n  remedy: wait: 1 min after its last sign of life its lock is taken over`,
      );
      expect(said).toEqual([]);
    });

    it("is taken over, by name, after a minute without one, although its process id runs here", () => {
      const { path, said, take } = ownedBy({ ...elsewhere, pid: process.pid });
      const then = Date.now() / 1000 - 61;
      utimesSync(path, then, then);
      take()();
      expect(said).toEqual([
        expect.stringMatching(
          new RegExp(
            `process ${process.pid} on ${elsewhere.host}, has given no sign of life for 1 min.*is taken over$`,
          ),
        ),
      ]);
    });
  });

  it.runIf(existsSync("/proc/self/ns/pid"))(
    "of a killed process here is taken over whatever the host was called",
    () => {
      const { path, take } = setUp();
      take();
      const { space } = JSON.parse(readFileSync(path, "utf8")) as { space: string };
      const killed = ownedBy({ host: "pod-a", space, pid: spawnSync("true").pid, started: "1" });
      killed.take()();
      expect(killed.said).toHaveLength(1);
    },
  );

  it("that is empty and of the future is taken over", () => {
    const { path, said, take } = setUp("");
    const then = Date.now() / 1000 + 1000;
    utimesSync(path, then, then);
    take()();
    expect(said).toHaveLength(1);
  });

  it("gives signs of life as long as it is held, and says when it is not any more", async () => {
    const { path } = setUp("mine");
    const heard: string[] = [];
    const age = (seconds: number) => utimesSync(path, Date.now() / 1000 - seconds, Date.now() / 1000 - seconds);
    age(100);
    const stop = startBeat(path, "mine", (instead) => heard.push(instead), 20);
    await expect.poll(() => Date.now() - statSync(path).mtimeMs, { timeout: 5000 }).toBeLessThan(50_000);
    expect(readFileSync(path, "utf8")).toBe("mine");
    stop();
    writeFileSync(path, "another's");
    startBeat(path, "mine", (instead) => heard.push(instead), 20);
    await expect.poll(() => heard, { timeout: 5000 }).toEqual(["another's"]);
    rmSync(path);
    startBeat(path, "mine", (instead) => heard.push(instead), 20);
    await expect.poll(() => heard, { timeout: 5000 }).toEqual(["another's", ""]);
    expect(existsSync(path)).toBe(false);
  });

  it("of another host is waited for until it gives a sign of life, and not where it gives none", async () => {
    const said: string[] = [];
    const { workdir, path } = ownedBy({ host: "elsewhere", space: "boot pid:[1]" });
    const beat = setInterval(() => utimesSync(path, new Date(), new Date()), 50);
    await awaitSilence(workdir, (text) => said.push(text));
    clearInterval(beat);
    expect(said).toEqual([`waiting for a sign of life of process ${process.pid} on elsewhere, which holds ${workdir}`]);
    const older = ownedBy({ host: "elsewhere" });
    await awaitSilence(older.workdir, (text) => said.push(text));
    await awaitSilence(join(workdir, "absent"), (text) => said.push(text));
    expect(said).toHaveLength(1);
  });

  it("that is stale is taken over by one of several that want it at once", { timeout: 60_000 }, async () => {
    const folder = temporaryFolder();
    const names = Array.from({ length: 40 }, (_, i) => join(folder, String(i)));
    for (const name of names) {
      mkdirSync(name);
      writeFileSync(
        join(name, ".lock"),
        JSON.stringify({ pid: spawnSync("true").pid, host: hostname(), started: "1" }),
      );
    }
    const runtime = "Deno" in globalThis ? ["run", "-A"] : ["--import", "tsx"];
    const script = fileURLToPath(new URL("lock-race.ts", import.meta.url));
    const racers = Array.from({ length: 3 }, () => spawn(process.execPath, [...runtime, script, folder]));
    const outputs = await Promise.all(
      racers.map(async (racer) => {
        let text = "";
        racer.stdout.on("data", (data) => (text += data));
        await once(racer, "close");
        return text.trim().split("\n");
      }),
    );
    expect(outputs.flat().sort()).toEqual([...names].sort());
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
