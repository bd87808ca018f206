/** The page of a real run in a real browser. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser, openPage, startRun, type Watched } from "./fixture.ts";

let browser: Browser;
let run: Awaited<ReturnType<typeof startRun>>;
let watched: Watched;
let page: Page;

beforeAll(async () => {
  browser = await launchBrowser();
  run = await startRun("gaussian", "--set", "training.logEvery=20", "--set", "eval.numImages=512");
  watched = await openPage(browser, run.url);
  page = watched.page;
});

afterAll(async () => {
  await browser?.close();
  await run?.[Symbol.asyncDispose]();
});

/** The number in a tile. */
const tile = async (name: string) => {
  const text = await page.locator(`.tile:has(> dt:text-is("${name}")) .value`).innerText();
  return Number(text.replaceAll(",", ""));
};

/** Waits until `found` gives a true value. */
async function eventually<T>(found: () => Promise<T>): Promise<T> {
  for (;;) {
    const value = await found();
    if (value) return value;
    await page.waitForTimeout(50);
  }
}

const chart = () => page.locator("figure.chart").first();
const legend = () => chart().locator(".legend b").innerText();

describe("the page of a run", () => {
  it("follows the run without being loaded again", async () => {
    await page.evaluate(() => Object.assign(window, { loaded: "once" }));
    const first = await eventually(() => tile("step"));
    await eventually(async () => (await tile("step")) > first + 100);
    expect(await page.evaluate(() => (window as unknown as { loaded?: string }).loaded)).toBe("once");
    expect(await page.locator("header .state").innerText()).toBe("training");
    for (const name of ["loss", "gradient norm", "learning rate", "images/s"]) expect(await tile(name), name).toBeGreaterThan(0); // prettier-ignore
  });

  it("draws the stages of the pipeline in their order, with rates and queues, and the slowest", async () => {
    const graph = page.locator("#pipeline svg");
    const names = await graph.locator(".stage .name").allTextContents();
    expect(names).toEqual(["times", "perturb", "score", "accumulate", "adam", "ema", "checkpoint"]);
    expect(await graph.locator(".edge .rate").count()).toBe(8);
    expect(await graph.locator(".edge .queue").count()).toBe(7);
    expect(await graph.locator(".slowest .mark").count()).toBe(1);
    expect(await graph.getAttribute("aria-label")).toMatch(/Slowest: \w+/);
  });

  it("zooms by dragging, for all charts, and back by the button, by double click and by keys", async () => {
    const reset = page.getByRole("button", { name: "Reset zoom" });
    expect(await reset.isDisabled()).toBe(true);
    const over = chart().locator(".u-over");
    const drag = async () => {
      await over.scrollIntoViewIfNeeded();
      const box = (await over.boundingBox())!;
      await page.mouse.move(box.x + 0.2 * box.width, box.y + 40);
      await page.mouse.down();
      await page.mouse.move(box.x + 0.6 * box.width, box.y + 60, { steps: 4 });
      await page.mouse.up();
      await eventually(() => reset.isEnabled());
    };
    await drag();
    await reset.click();
    await eventually(() => reset.isDisabled());
    await drag();
    await over.dblclick();
    await eventually(() => reset.isDisabled());
    await chart().focus();
    await page.keyboard.press("+");
    await eventually(() => reset.isEnabled());
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("0");
    await eventually(() => reset.isDisabled());
  });

  it("smooths, and changes to a logarithmic axis", async () => {
    const raw = await legend();
    await page.getByLabel("Smoothing").fill("0.95");
    await eventually(async () => (await legend()) !== raw);
    expect(await page.locator("output[for=smoothing]").innerText()).toBe("0.95");
    await page.getByLabel("Log scale").check();
    await page.getByLabel("Log scale").uncheck();
    await page.getByLabel("Smoothing").fill("0");
  });

  it("can be used by keyboard, and shows where one is", async () => {
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    const reached = new Set<string>();
    for (let i = 0; i < 90; i++) {
      await page.keyboard.press("Tab");
      const at = await page.evaluate(() => {
        const { activeElement } = document;
        if (!activeElement || activeElement === document.body) return undefined;
        const { outlineStyle } = getComputedStyle(activeElement);
        return { name: activeElement.id || activeElement.className || activeElement.tagName, outlineStyle };
      });
      if (!at) continue;
      expect(at.outlineStyle, at.name).not.toBe("none");
      reached.add(at.name);
    }
    expect([...reached]).toEqual(expect.arrayContaining(["theme", "log-scale", "smoothing", "chart", "config-search"]));
  });

  it("searches the configuration", async () => {
    await eventually(async () => (await page.locator("table.config tr").count()) > 20);
    await page.getByLabel("Search").fill("train batchsize");
    expect(await page.locator("table.config tr").allInnerTexts()).toEqual([
      expect.stringMatching(/training\.batchSize\s+512/),
    ]);
    await page.getByLabel("Search").fill("");
  });

  it("shows the end of the log", async () => {
    await eventually(async () => /model: [\d,]+ parameters/.test(await page.locator("pre.log").innerText()));
  });

  it("keeps the theme that was chosen", async () => {
    const back = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await back();
    await page.locator("#theme").click();
    await page.locator("#theme").click();
    expect(await page.locator("#theme").innerText()).toBe("Theme: dark");
    expect(await back()).not.toBe(light);
    await page.locator("#theme").click();
    expect(await back()).toBe(light);
  });

  it("is as narrow as a telephone", async () => {
    const narrow = await openPage(browser, run.url, { width: 390, height: 800, dark: true });
    await narrow.page.locator("#pipeline svg").waitFor();
    const size = await narrow.page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
    expect(size).toEqual([390, 390]);
    expect(narrow.troubles).toEqual([]);
    await narrow.page.context().close();
  });

  it("has made no error and no request to elsewhere, and tells the end of the run with its result", async () => {
    expect(watched.troubles).toEqual([]);
    await eventually(async () => (await page.locator("header .state").innerText()) === "the run has finished");
    expect(await tile("step")).toBe(5000);
    expect(await tile("bits/dim")).toBeGreaterThan(0);
    expect(await tile("bound")).toBeGreaterThan(0);
    expect(await page.locator("td.state").innerText()).toBe("finished");
    expect(await run.ended).toBe(0);
  });
});
