import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import { difference, resultIn } from "../../lab/torture/kills/result.ts";
import { temporaryFolder } from "../cli/fixture.ts";

const hook = new URL("../../lab/torture/kills/hook.ts", import.meta.url).href;
const program = `
import { appendFileSync, renameSync } from "node:fs";
import { open } from "node:fs/promises";
appendFileSync("metrics.jsonl", "1234");
const file = await open(".a.arrow.1.tmp", "w");
await file.writeFile("abcd");
await file.close();
renameSync(".a.arrow.1.tmp", "a.arrow");
appendFileSync("metrics.jsonl", "5678");
`;

function run(order: object) {
  const folder = temporaryFolder();
  const path = join(folder, "program.mjs");
  writeFileSync(path, program);
  const env = { ...process.env, SCORESTREAM_KILL: JSON.stringify({ ...order, counts: join(folder, "counts") }) };
  const argv = ["--import", import.meta.resolve("tsx"), "--import", hook, pathToFileURL(path).pathname];
  const { signal, status, stderr } = spawnSync(process.execPath, argv, { cwd: folder, env, encoding: "utf8" });
  const read = (name: string) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8") : undefined); // prettier-ignore
  return { end: signal ?? `${status} ${stderr}`, read };
}

it("a run dies at the write that was ordered, before it, in its middle or after it", () => {
  const whole = run({});
  expect([whole.end, whole.read("counts")]).toEqual(["0 ", '{"metric":2,"temporary":1,"rename":1}']);
  const half = run({ place: "temporary", number: 1, moment: "half" });
  expect([half.end, half.read(".a.arrow.1.tmp")]).toEqual(["SIGKILL", "ab"]);
  const before = run({ place: "rename", number: 1, moment: "before" });
  expect([before.end, before.read("a.arrow"), before.read(".a.arrow.1.tmp")]).toEqual(["SIGKILL", undefined, "abcd"]);
  const after = run({ place: "metric", number: 2, moment: "after" });
  expect([after.end, after.read("metrics.jsonl"), after.read("counts")]).toEqual(["SIGKILL", "12345678", undefined]);
});

it("a result tells numbers, files and metrics that differ, metrics told twice, and temporary files", () => {
  const left = (lines: readonly string[], files: Record<string, string>) => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "metrics.jsonl"), lines.map((line) => `${line}\n`).join(""));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    return resultIn(folder, { code: 0, signal: null, stderr: "", summary: { bpd: 3, seconds: 9 }, seconds: 9 });
  };
  const line = (value: number) => JSON.stringify({ name: "train/loss", step: 2, value });
  const whole = left([line(1)], { "a.arrow": "x" });
  expect(difference(whole, left([line(1)], { "a.arrow": "x", "log.txt": "other" }))).toBeUndefined();
  expect(difference(whole, left([line(1), line(1)], { "a.arrow": "x" }))).toBe("train/loss of step 2 twice");
  expect(difference(whole, left([line(2)], { "a.arrow": "x" }))).toBe("train/loss of step 2: 1 is missing, train/loss of step 2: 2 is there instead"); // prettier-ignore
  const timer = ["machine/cpu", "eval_stage/bound/queue"].map((name) => JSON.stringify({ name, step: 2, value: 1 }));
  expect(difference(whole, left([line(1), ...timer, ...timer], { "a.arrow": "x" }))).toBeUndefined();
  const measured = left([JSON.stringify({ name: "process/rss_bytes", step: 2, value: 1 })], {});
  expect(difference(measured, left([], {}))).toBeUndefined();
  expect(difference(whole, left([line(1), '{"na'], { "a.arrow": "x" }))).toContain("unreadable line");
  expect(difference(whole, left([line(1)], { "a.arrow": "y" }))).toContain("a.arrow");
  expect(difference(whole, left([line(1)], { "a.arrow": "x", ".b.1.tmp": "" }))).toContain(".b.1.tmp");
});
