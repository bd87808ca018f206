/** Every page by the rules of axe: on a desk and on a telephone, light and dark. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { reportHtml } from "../../src/monitor/report/report-html.ts";
import type { Report } from "../../src/monitor/report/report.ts";
import { launchBrowser, openPage } from "./fixture.ts";
import { startMonitor, writeGrids, writeRun } from "./folders.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Runs axe by the debugger, which no Content-Security-Policy binds. @returns What it finds fault with. */
async function faults(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate<AxeResults>("axe.run(document)");
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(" ")}`));
}

const loss = Array.from({ length: 60 }, (_, i) => 3 + 1 / (i + 1));
/** A short run of the real pipeline, with its evaluation and report. */
function writeReal(folder: string): void {
  const settings = ["eval.numImages=64", "eval.boundTimes=20", "training.logEvery=10"].flatMap((field) => [
    "--set",
    field,
  ]);
  const { status, stderr } = spawnSync(process.execPath, ["scripts/run.mjs", "src/cli/main.ts", "gaussian", "--steps", "40", ...settings, "--run-id", "real", "--workdir", join(folder, "real")], { encoding: "utf8" }); // prettier-ignore
  if (status !== 0) throw new Error(stderr);
}

const PIXEL = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64"); // prettier-ignore
const SHOWN = { png: PIXEL, index: 3, bpd: 3.5 };
const measured = { mean: 3.5, standardError: 0.01, images: 64, repeats: 1 };
const REPORT: Report = {
  run: { pipeline: "cifar10", preset: "quick", steps: 12_345, dequantization: "uniform", images: "0a".repeat(32) },
  ...{ bpd: measured, bound: measured, loss: measured, quality: { fid: 2.3, kid: 0.001, note: "by hand" } },
  ...{ split: "test", dequantizations: { uniform: { bpd: measured } }, samples: "ODE, 100 evaluations" },
  ...{ perImage: loss, anchors: [{ name: "DDPM++", bpd: 2.9, fid: 3 }], config: { seed: 7, optim: { lr: 0.1 } } },
};

const SIZES = [
  { name: "a desk, light", width: 1280, dark: false },
  { name: "a desk, dark", width: 1280, dark: true },
  { name: "a telephone, light", width: 390, dark: false },
  { name: "a telephone, dark", width: 390, dark: true },
];

let browser: Browser;
let monitor: Awaited<ReturnType<typeof startMonitor>>;
let closed: Awaited<ReturnType<typeof startMonitor>>;
let empty: Awaited<ReturnType<typeof startMonitor>>;
beforeAll(async () => {
  browser = await launchBrowser();
  monitor = await startMonitor((folder) => {
    writeReal(folder);
    writeGrids(join(folder, "real"), 20);
    for (const seed of [1, 2]) writeGrids(join(folder, `\u202eseed-1.${seed}`), 20);
    for (const seed of [1, 2]) writeRun(folder, { name: `\u202eseed-1.${seed}`, config: { seed }, values: { "train/loss": loss, "other/metric": loss } }); // prettier-ignore
  });
  empty = await startMonitor(() => {});
  closed = await startMonitor((folder) => writeFileSync(join(folder, "..", "token"), "x".repeat(32)), "--token-file");
}, 120_000);
afterAll(async () => {
  await browser?.close();
  for (const each of [monitor, empty, closed]) await each?.[Symbol.asyncDispose]();
});

describe.each(SIZES)("on $name", ({ width, dark }) => {
  const open = async (url: string) => (await openPage(browser, url, { width, dark })).page;

  it("axe finds no fault with the page of runs, everything open", async () => {
    const page = await open(monitor.url);
    await page.locator("#runs table tbody tr").nth(2).waitFor();
    await page.getByLabel("details of \u2068real\u2069").check();
    await page.locator("#config table tr").first().waitFor();
    await page.locator("details.more summary").first().click();
    await page.locator("#nearest .pairs li").first().waitFor();
    await page.getByText("Runs side by side").click();
    await page.locator("#across figure").nth(2).waitFor();
    await page.getByRole("button", { name: "Table of Loss" }).click();
    await page.locator("table.values tbody tr").first().waitFor();
    expect(await faults(page)).toEqual([]);
    await page.context().close();
  });

  it("axe finds no fault with the page before anything has come", async () => {
    const page = await open(empty.url);
    await page.locator("#runs .said").waitFor();
    expect(await faults(page)).toEqual([]);
    await page.context().close();
  });

  it("axe finds no fault with the form for the token, nor with what it says to a wrong one", async () => {
    const page = await open(closed.url);
    expect(await faults(page)).toEqual([]);
    await page.getByLabel("Token").fill("wrong");
    await page.getByRole("button").click();
    await page.getByRole("alert").waitFor();
    expect(await faults(page)).toEqual([]);
    await page.context().close();
  });

  it("axe finds no fault with the report of an evaluation", async () => {
    const page = await open("about:blank");
    await page.setContent(reportHtml(REPORT, { mostLikely: [SHOWN], leastLikely: [SHOWN], samples: PIXEL }));
    expect(await page.locator("h1").count()).toBe(1);
    // Digests have no place at which they break.
    const hidden = await page.locator(".wide:has(.facts)").evaluate((facts) => facts.scrollWidth - facts.clientWidth);
    expect(hidden).toBe(0);
    expect(await faults(page)).toEqual([]);
    await page.context().close();
  });
});
