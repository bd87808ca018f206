/** Samples on the page of a monitor: averaged and raw, beside the training's images, and of several runs. */
import { join } from "node:path";
import type { Browser, Locator } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { launchBrowser, openPage } from "./fixture.ts";
import { startMonitor, writeGrids, writeRun } from "./folders.ts";

let browser: Browser;
let monitor: Awaited<ReturnType<typeof startMonitor>>;
beforeAll(async () => {
  browser = await launchBrowser();
  monitor = await startMonitor((folder) => {
    for (const name of ["one", "two", "three"])
      writeRun(folder, { name, config: {}, values: { "train/loss": [3, 2] } });
    for (const step of [100, 200]) for (const name of ["one", "two"]) writeGrids(join(folder, name), step);
    writeGrids(join(folder, "three"), 100, { raw: false, near: 30 });
  });
});
afterAll(async () => {
  await browser?.close();
  await monitor?.[Symbol.asyncDispose]();
});

/** Waits until the picture is there. */
const drawn = (image: Locator) =>
  expect.poll(() => image.evaluate((element) => (element as HTMLImageElement).naturalWidth)).toBeGreaterThan(0);
const addressOf = (image: Locator) => image.getAttribute("src");

it.each([
  { width: 1280, dark: false },
  { width: 390, dark: true },
])("shows averaged and raw samples, and those nearest to the training first, $width wide", async ({ width, dark }) => {
  const { page, troubles } = await openPage(browser, monitor.url, { width, dark });
  await page.getByLabel("details of \u2068one\u2069").check();
  const grids = page.locator("#samples img.grid");
  await expect.poll(() => addressOf(grids.nth(0))).toMatch(/one\/samples\/samples_200\.png/);
  for (const at of [0, 1]) await drawn(grids.nth(at));
  expect(await addressOf(grids.nth(1))).toMatch(/one\/samples\/raw_200\.png/);
  await page.locator("#sample").fill("0");
  expect(await addressOf(grids.nth(1))).toMatch(/raw_100\.png/);
  const pairs = page.locator("#nearest .pairs li");
  await expect.poll(() => pairs.count()).toBe(16);
  expect(await pairs.first().innerText()).toBe("12 · no. 1,000");
  expect(await pairs.nth(1).innerText()).toBe("13 · no. 1,007");
  const crops = pairs.nth(1).locator(".crop");
  expect(await crops.first().getAttribute("aria-label")).toBe("sample 8");
  // Image 7 of a grid of four columns: the last of the second row, images 8 wide and shown 64 wide.
  expect(await crops.first().evaluate((element) => getComputedStyle(element).backgroundPosition)).toBe("-256px -96px");
  expect(await page.locator("#nearest .note").innerText()).toBe(
    "Step 200: root mean square of the difference in grey levels (of 255) to the nearest of 1,000 of 50,000 training images, mirrored or not. Samples: 12 to 27, median 20. 3 test images: 20 to 30, median 25. 8 of 16 samples are nearer than every test image: they may be remembered, or plain.", // prettier-ignore
  );
  expect(await page.locator("#nearest circle").count()).toBe(19);
  const wide = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  expect(wide).toEqual([width, width]);
  expect(troubles).toEqual([]);
  await page.context().close();
});

it("puts the grids of one step of all runs that are drawn side by side", async () => {
  const { page, troubles } = await openPage(browser, monitor.url);
  await page.getByText("Runs side by side").click();
  const figures = page.locator("#across figure");
  await expect.poll(() => figures.count()).toBe(3);
  const shown = async () => (await figures.locator("figcaption").allInnerTexts()).sort();
  expect(await shown()).toEqual(["one step 200", "three step 100", "two step 200"]);
  await page.locator("#across-step").selectOption("200");
  expect(await shown()).toEqual(["one step 200", "three no such grid", "two step 200"]);
  await page.locator("#across-step").selectOption("100");
  await page.locator("#across-kind").selectOption("raw");
  expect(await shown()).toEqual(["one step 100", "three no such grid", "two step 100"]);
  await drawn(figures.filter({ hasText: "two" }).locator("img"));
  await page.getByLabel("draw \u2068one\u2069").uncheck();
  await expect.poll(() => figures.count()).toBe(2);
  expect(troubles).toEqual([]);
});
