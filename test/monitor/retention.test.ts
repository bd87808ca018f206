/** Records that are removed: by age, by room, from the page; never a live one. */
import { existsSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { parseRetention } from "../../src/cli/retention-options.ts";
import { Archive, type KeptRecord } from "../../src/monitor/archive.ts";
import { retain, surplus } from "../../src/monitor/retention.ts";
import { batch, temporaryFolder } from "./fixture.ts";
import type { RunState } from "../../src/metrics/run-state.ts";
import { webRun } from "./web/fixture.ts";

const DAY = 86_400_000;

const stateIn = (phase: RunState["phase"]): RunState => ({
  ...{ phase, time: new Date().toISOString(), stage: "", done: 0, unit: "", step: 1, pipeline: "p", images: 0 },
  ...{ seconds: 0, runSeconds: 1, idleSeconds: 0, phases: [] },
});

/** An archive with a run of each name, silent for so many days; 0: it is at work. */
function archiveOf(days: Readonly<Record<string, number>>) {
  const folder = temporaryFolder();
  const archive = new Archive(folder);
  onTestFinished(() => archive.close());
  const file = (runId: string) => join(folder, `${runId}.jsonl`);
  for (const [runId, silent] of Object.entries(days)) {
    archive.accept({ ...batch(1, 1, { runId }), state: stateIn(silent === 0 ? "training" : "finished") });
    const heard = (Date.now() - silent * DAY) / 1000;
    utimesSync(file(runId), heard, heard);
  }
  return { archive, file };
}

describe("what is too much", () => {
  const record = (runId: string, heard: number, live = false): KeptRecord => ({ runId, bytes: 10, heard, live });
  const records = [record("b", 20), record("a", 10), record("c", 30), record("live", 1, true)];
  const names = (retention: Parameters<typeof surplus>[1]) =>
    surplus(records, retention, 100).map(({ runId }) => runId);

  it("are the oldest records, as many as it takes, and no live one", () => {
    expect(names({})).toEqual([]);
    expect(names({ keep: 70 })).toEqual(["a", "b"]);
    expect(names({ keep: 80 })).toEqual(["a"]);
    expect(names({ maxSize: 40 })).toEqual([]);
    expect(names({ maxSize: 39 })).toEqual(["a"]);
    expect(names({ maxSize: 1 })).toEqual(["a", "b", "c"]);
    expect(names({ keep: 80, maxSize: 20 })).toEqual(["a", "b"]);
  });
});

describe("an archive", () => {
  it("loses what is too old, and says so; what comes later begins anew", () => {
    const { archive, file } = archiveOf({ old: 40, new: 20, live: 0 });
    const told: string[] = [];
    retain(archive, { keep: 30 * DAY }, (text) => told.push(text))();
    expect(told).toEqual([expect.stringMatching(/^removed the record of run old, \d+ B, last heard of 40 d/)]);
    expect(["old", "new", "live"].map((run) => existsSync(file(run)))).toEqual([false, true, true]);
    expect(archive.logs().map(({ owner }) => owner.runId)).toEqual(["new", "live"]);
    expect(archive.states().map(({ runId }) => runId)).toEqual(["new", "live"]);
    expect(archive.accept(batch(1, 2, { runId: "old" })).stored).toBe(2);
    expect(existsSync(file("old"))).toBe(true);
  });

  it("removes no record of a live run", () => {
    const { archive } = archiveOf({ live: 0 });
    expect(() => archive.remove("live")).toThrow("it is live");
    expect(() => archive.remove("none")).toThrow("keeps no record of it");
    retain(archive, { maxSize: 1 }, () => {})();
    expect(archive.logs()).toHaveLength(1);
  });
});

describe("--keep and --max-size", () => {
  it("are numbers with a unit", () => {
    expect(parseRetention({})).toBeUndefined();
    expect(parseRetention({ keep: "30d" })).toEqual({ keep: 30 * DAY, maxSize: undefined });
    expect(parseRetention({ keep: "1.5h", maxSize: "10GB" })).toEqual({ keep: 5_400_000, maxSize: 1e10 });
    expect(parseRetention({ maxSize: "2 MiB" })?.maxSize).toBe(2 ** 21);
    expect(parseRetention({ maxSize: "7B" })?.maxSize).toBe(7);
    for (const keep of ["30", "d", "-1d", "0d", "1e3d", "30 days"]) expect(() => parseRetention({ keep })).toThrow(UsageError); // prettier-ignore
    for (const maxSize of ["10", "GB", "1iB", "1 PB", "-1GB"]) expect(() => parseRetention({ maxSize })).toThrow(UsageError); // prettier-ignore
  });
});

describe("deleting from the page", () => {
  const served = async (security: { token?: string } = {}, read: readonly string[] = []) => {
    const { archive, file } = archiveOf({ over: 2, live: 0 });
    const feed = { ...archive, logs: () => archive.logs(), states: () => archive.states(), ended: () => false };
    const source = { feed, workdir: (run: string) => (read.includes(run) ? "/nowhere" : undefined), kept: archive };
    const { get, told } = await webRun([], { source, security });
    const ask = (run: string, headers: Record<string, string> = { "X-ScoreStream": "delete" }, method = "POST") =>
      get(`/api/runs/${run}/delete`, { method, headers });
    return { ask, get, file, told };
  };

  it("removes the record of a run that is over, which the page is told", async () => {
    const { ask, get, file, told } = await served();
    const deletable = async (run: string) => ((await (await get(`/api/runs/${run}`)).json()) as { deletable?: true }).deletable; // prettier-ignore
    expect([await deletable("over"), await deletable("live")]).toEqual([true, undefined]);
    const answer = await ask("over");
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { deleted: "over", bytes: expect.any(Number) as number },
    ]);
    expect(existsSync(file("over"))).toBe(false);
    expect(told).toEqual(["run over was deleted from the page"]);
    expect(await (await get("/api/runs")).json()).toEqual(["live"]);
  });

  it("is refused of a live run and of one that is only read", async () => {
    const { ask, file } = await served({}, ["read"]);
    const [live, read] = [await ask("live"), await ask("read")];
    expect([live.status, await live.text()]).toEqual([409, "this run is live\n"]);
    expect([read.status, await read.text()]).toEqual([409, "this run is only read here: delete its folder\n"]);
    expect(existsSync(file("live"))).toBe(true);
  });

  it("is refused to other sites, to forms, and by GET", async () => {
    const { ask, file } = await served();
    const own = { "X-ScoreStream": "delete" };
    for (const headers of [
      {},
      { ...own, "Sec-Fetch-Site": "cross-site" },
      { ...own, "Sec-Fetch-Site": "same-site" },
      { ...own, Origin: "http://evil.example" },
    ]) {
      // prettier-ignore
      expect((await ask("over", headers as Record<string, string>)).status).toBe(403);
    }
    expect((await ask("over", own, "GET")).status).toBe(404);
    expect((await ask("over", own, "OPTIONS")).status).toBe(405);
    expect(existsSync(file("over"))).toBe(true);
  });

  it("needs the token, where there is one", async () => {
    const { ask, file } = await served({ token: "a-secret" });
    expect((await ask("over")).status).toBe(401);
    expect(existsSync(file("over"))).toBe(true);
    expect((await ask("over", { "X-ScoreStream": "delete", authorization: "Bearer a-secret" })).status).toBe(200);
  });

  it("is nothing that the page of one run does", async () => {
    const { get } = await webRun();
    expect((await get("/api/runs/run/delete", { method: "POST", headers: { "X-ScoreStream": "delete" } })).status).toBe(409); // prettier-ignore
  });
});
