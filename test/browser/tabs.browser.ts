/** Many tabs of one browser: they share one feed, which comes back when it falls silent. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { launchBrowser, openPage } from "./fixture.ts";
import { countingGate, startMonitor, writeRun } from "./folders.ts";

let browser: Browser;
let monitor: Awaited<ReturnType<typeof startMonitor>>;
const loss = Array.from({ length: 200 }, (_, i) => 3 + 1 / (i + 1));

beforeAll(async () => {
  browser = await launchBrowser();
  monitor = await startMonitor((folder) =>
    writeRun(folder, { name: "one", config: {}, values: { "train/loss": loss } }),
  );
});
afterAll(async () => {
  await browser?.close();
  await monitor?.[Symbol.asyncDispose]();
});

it("eight tabs have one feed, and each of them all values; the last one to close ends it", async () => {
  await using gate = await countingGate(monitor.url);
  const first = await openPage(browser, gate.url);
  const context = first.page.context();
  const pages = [first.page];
  for (let i = 1; i < 8; i++) pages.push(await context.newPage());
  const opened = Date.now();
  const firstCurve = async (page: Page) => {
    await page.goto(gate.url);
    await page.locator("figure.chart canvas").first().waitFor({ timeout: 20_000 });
    return Date.now() - opened;
  };
  console.log(
    `7 more tabs at once: their first curves after ${(await Promise.all(pages.slice(1).map(firstCurve))).join(", ")} ms`,
  );
  for (const page of pages) await page.locator("td.step", { hasText: "2,000" }).waitFor({ timeout: 20_000 });
  expect([gate.open(), gate.feeds()]).toEqual([1, 1]);
  expect(first.troubles).toEqual([]);
  // The one that came first does not hold the feed.
  await first.page.close();
  const late = await context.newPage();
  await late.goto(gate.url);
  await late.locator("td.step", { hasText: "2,000" }).waitFor();
  expect([gate.open(), gate.feeds()]).toEqual([1, 1]);
  await context.close();
  await expect.poll(() => gate.open(), { timeout: 10_000 }).toBe(0);
});

it("a feed that falls silent without an end is opened again within 40 s", async () => {
  await using gate = await countingGate(monitor.url);
  const { page } = await openPage(browser, gate.url);
  await page.locator("td.step", { hasText: "2,000" }).waitFor();
  gate.silence();
  const since = Date.now();
  await expect.poll(() => gate.feeds(), { timeout: 45_000, interval: 200 }).toBe(2);
  expect(Date.now() - since).toBeLessThan(40_000);
  writeRun(monitor.runs, { name: "two", config: {}, values: { "train/loss": loss } });
  await page.locator("#runs table bdi", { hasText: "two" }).waitFor({ timeout: 15_000 });
  await page.context().close();
});
