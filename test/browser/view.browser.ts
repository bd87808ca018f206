/** What a person takes from the page: its address, values, pictures. */
import { readFileSync } from "node:fs";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { launchBrowser, openPage } from "./fixture.ts";
import { startMonitor, writeRun } from "./folders.ts";

let browser: Browser;
let monitor: Awaited<ReturnType<typeof startMonitor>>;
const values = (from: number) => Array.from({ length: 40 }, (_, i) => from + 1 / (i + 1));

beforeAll(async () => {
  browser = await launchBrowser();
  monitor = await startMonitor((folder) => {
    for (const [name, from] of [["one", 3], ["two", 4]] as const) writeRun(folder, { name, config: { seed: from }, values: { "train/loss": values(from) } }); // prettier-ignore
  });
});
afterAll(async () => {
  await browser?.close();
  await monitor?.[Symbol.asyncDispose]();
});

it("the view is in the address, and another tab opens it", async () => {
  const { page, troubles } = await openPage(browser, monitor.url);
  await page.locator("#runs table tbody tr").nth(1).waitFor();
  await page.locator("#axis").selectOption("relative");
  await page.locator("#log-scale").check();
  await page.locator("#run-search").fill("two");
  await page.getByLabel("draw \u2068two\u2069").first().uncheck();
  await expect.poll(() => page.url()).toContain("hide=");
  const other = await page.context().newPage();
  await other.goto(page.url());
  await other.locator("#runs table tbody tr").waitFor();
  expect(await other.locator("#axis").inputValue()).toBe("relative");
  expect(await other.locator("#log-scale").isChecked()).toBe(true);
  await expect.poll(() => other.locator("#runs .controls .rows").innerText()).toBe("1 of 2 rows, 1 drawn");
  await page.locator("#run-search").fill("");
  await page.locator("#draw-all").click();
  await page.locator("#log-scale").uncheck();
  await page.locator("#axis").selectOption("step");
  await expect.poll(() => page.url()).toBe(monitor.url);
  expect(troubles).toEqual([]);
});

it("a chart gives its values as a table and as CSV, and its picture", async () => {
  const { page, troubles } = await openPage(browser, monitor.url);
  const chart = page.locator("figure.chart").first();
  await page.locator("#runs table tbody tr").nth(1).waitFor();
  await expect.poll(() => chart.locator(".legend li").count()).toBe(2);
  await chart.getByRole("button", { name: "Table of Loss" }).click();
  const rows = await chart.locator("table.values tbody tr").allInnerTexts();
  expect(
    rows.map((row) =>
      row
        .replace(/[\u2066-\u2069]/g, "")
        .split(/\s+/)
        .slice(0, 8)
        .join(" "),
    ),
  ).toEqual(["one 40 4 step 10 3.025 step 400", "two 40 5 step 10 4.025 step 400"]);
  const download = async (name: string) => {
    const [file] = await Promise.all([page.waitForEvent("download"), chart.getByRole("button", { name }).click()]);
    return [file.suggestedFilename(), readFileSync(await file.path())] as const;
  };
  const [csvName, csv] = await download("CSV of Loss");
  expect([csvName, String(csv).split("\r\n").slice(0, 3), String(csv).split("\r\n").length]).toEqual(["Loss.csv", ["curve,step,value", "one,10,4", "one,20,3.5"], 82]); // prettier-ignore
  const [pngName, png] = await download("PNG of Loss");
  expect([pngName, png.subarray(1, 4).toString()]).toEqual(["Loss.png", "PNG"]);
  expect(troubles).toEqual([]);
});

it("a run keeps the colour, tags and note that a person gave it", async () => {
  const { page, troubles } = await openPage(browser, monitor.url);
  await page.getByLabel("details of \u2068two\u2069").check();
  await page.locator("#run-colour").selectOption("red");
  await page.locator("#run-dash").selectOption("dotted");
  await page.locator("#run-tags").fill("baseline");
  await page.locator("#run-tags").blur();
  const row = page.locator("#runs table tbody tr", { hasText: "two" });
  await expect.poll(() => row.locator("svg line").getAttribute("stroke-dasharray")).toBe("2 3");
  await page.reload();
  await page.locator("#run-search").fill("baseline");
  await expect.poll(() => page.locator("#runs .controls .rows").innerText()).toBe("1 of 2 rows, 2 drawn");
  expect(await row.locator("svg line").evaluate((line: SVGElement) => line.style.stroke)).toBe("var(--run-6)");
  expect(troubles).toEqual([]);
});
