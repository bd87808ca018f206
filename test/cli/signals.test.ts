import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { listenForSignals } from "../../src/cli/signals.ts";
import { lastJson, temporaryFolder } from "./fixture.ts";

/** Starts `stoppable.ts` and waits for its first step. */
async function start(workdir: string, savingMs: number) {
  const script = fileURLToPath(new URL("stoppable.ts", import.meta.url));
  const runtime = "Deno" in globalThis ? ["run", "-A"] : ["--import", "tsx"];
  const child = spawn(process.execPath, [...runtime, script, "forever", "--json", "--workdir", workdir], {
    env: { ...process.env, SAVING_MS: String(savingMs) },
  });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (data) => (output.stdout += data));
  child.stderr.on("data", (data) => (output.stderr += data));
  const ended = once(child, "close") as Promise<[number | null]>;
  while (!output.stderr.includes("first step done") && child.exitCode === null) await sleep(20);
  return { child, output, ended };
}

describe("a run that gets a signal", () => {
  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("%s: saves, says so, exits with %i", { timeout: 30_000 }, async (signal, exitCode) => {
    const workdir = temporaryFolder();
    const { child, output, ended } = await start(workdir, 100);
    process.kill(child.pid!, signal);
    const [code] = await ended;
    expect(output.stderr).toContain(`${signal}: stopping: saving ... (again to quit at once)`);
    expect(code).toBe(exitCode);
    const json = lastJson(output);
    expect(json).toMatchObject({ pipeline: "forever", stoppedBy: signal, checkpoint: join(workdir, "saved") });
    expect(Number(readFileSync(join(workdir, "saved"), "utf8"))).toBe(json["steps"]);
    expect(existsSync(join(workdir, ".lock"))).toBe(false);
  });

  it("quits at once at the second", { timeout: 30_000 }, async () => {
    const workdir = temporaryFolder();
    const { child, output, ended } = await start(workdir, 60_000);
    process.kill(child.pid!, "SIGTERM");
    while (!output.stderr.includes("stopping")) await sleep(20);
    await sleep(400);
    const before = Date.now();
    process.kill(child.pid!, "SIGINT");
    const [code] = await ended;
    expect(Date.now() - before).toBeLessThan(5000);
    expect(code).toBe(143);
    expect(existsSync(join(workdir, "saved"))).toBe(false);
    expect(existsSync(join(workdir, ".lock"))).toBe(false);
  });

  it("refuses a second run in its workdir, and takes over after a kill", { timeout: 60_000 }, async () => {
    const workdir = temporaryFolder();
    const first = await start(workdir, 100);
    const second = await start(workdir, 100);
    expect(await second.ended).toEqual([2, null]);
    expect(second.output.stderr).toContain(`is in use by process ${first.child.pid}`);
    process.kill(first.child.pid!, "SIGKILL");
    await first.ended;
    const third = await start(workdir, 0);
    expect(third.output.stderr).toContain("did not end cleanly");
    process.kill(third.child.pid!, "SIGINT");
    expect((await third.ended)[0]).toBe(130);
  });
});

describe("listenForSignals", () => {
  it("takes signals within 300 ms for one key press, and stops listening", () => {
    const source = new EventEmitter();
    const events: unknown[] = [];
    let time = 1000;
    const signals = listenForSignals({
      source,
      onStop: (signal) => events.push(signal),
      onQuit: (code) => events.push(code),
      now: () => time,
    });
    expect(signals.stopped).toBeUndefined();
    source.emit("SIGINT");
    time += 100;
    source.emit("SIGINT");
    expect(events).toEqual(["SIGINT"]);
    time += 300;
    source.emit("SIGTERM");
    expect(events).toEqual(["SIGINT", 130]);
    expect(signals.stopped).toEqual({ signal: "SIGINT", exitCode: 130 });
    signals.dispose();
    expect(source.eventNames()).toEqual([]);
  });
});
