/** How far runs are, on the page: real ones, one of which fails. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { launchBrowser, openPage, startRun } from "./fixture.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser?.close());

it("shows the phases of a run with one time left for all of it, in the title too, and its end", async () => {
  await using run = await startRun("gaussian", "--steps", "6000", "--set", "training.logEvery=20", "--set", "eval.numImages=128", "--set", "eval.boundTimes=20"); // prettier-ignore
  const { page, troubles } = await openPage(browser, run.url);
  const now = page.locator("#phase .now");
  await expect.poll(() => now.innerText(), { timeout: 60_000 }).toMatch(/^training · [\d,]+ of 6,000 steps · about .* left of the run$/); // prettier-ignore
  await expect.poll(() => page.title()).toMatch(/^\d+ % · \d+.* · \u2068gaussian-\w{8}\u2069 · ScoreStream$/);
  const phases = await page.locator("#phase li .name").allTextContents();
  expect(phases).toEqual(["starting", "compiling", "training", "loss", "likelihood", "bound", "sampling"]); // prettier-ignore
  // However short a phase is beside another, its name has room.
  const cut = await page.locator("#phase .phases").evaluate((bar: HTMLElement) => {
    const items = [...bar.children] as HTMLElement[];
    items.forEach(({ style }, i) => (style.flexGrow = i === 2 ? "10000" : "1"));
    const names = items.map((item) => item.querySelector<HTMLElement>(".name")!);
    return names.filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth).map(({ textContent }) => textContent); // prettier-ignore
  });
  expect(cut).toEqual([]);
  // Once the run has ended its server is gone, which the browser reports.
  expect(troubles).toEqual([]);
  await expect.poll(() => now.innerText(), { timeout: 90_000 }).toMatch(/^finished · after /);
  expect(await page.locator("header .state").innerText()).toBe("the run has finished");
});

it("shows why a run failed and what to do about it", async () => {
  const failing = ["optim.lr=10", "optim.warmup=20000", "optim.gradClip=-1", "model.numResBlocks=16"];
  await using run = await startRun("gaussian", "--steps", "3000", ...failing.flatMap((field) => ["--set", field]));
  const { page } = await openPage(browser, run.url, { width: 390, dark: true });
  await expect.poll(() => page.locator("header .state").innerText(), { timeout: 60_000 }).toBe("the run has failed");
  expect(await page.locator("#phase .error").innerText()).toMatch(/^step \d+: the loss is /);
  expect(await page.locator("#phase .remedy").innerText()).toMatch(/^Remedy: .*optim\.lr/);
  expect(await page.locator("td.state").innerText()).toBe("failed");
  // A telephone has no room for the names of phases; the headline tells the one there is.
  const widths = await page.locator("#phase li .name").evaluateAll((names: HTMLElement[]) => names.map(({ offsetWidth }) => offsetWidth)); // prettier-ignore
  expect([widths.length > 2, Math.max(...widths)]).toEqual([true, 1]);
  expect(await run.ended).toBe(1);
});
