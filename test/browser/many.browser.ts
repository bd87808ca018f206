/** Sixty runs on one page. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser, openPage, type Watched } from "./fixture.ts";
import { startMonitor } from "./folders.ts";
import { writeSixty } from "./sixty.ts";

let browser: Browser;
let monitor: Awaited<ReturnType<typeof startMonitor>>;
let watched: Watched;
let page: Page;

beforeAll(async () => {
  browser = await launchBrowser();
  monitor = await startMonitor(writeSixty);
  const opened = Date.now();
  watched = await openPage(browser, monitor.url);
  page = watched.page;
  await page.locator("figure.chart canvas").first().waitFor();
  console.log(`60 runs: the first curve after ${Date.now() - opened} ms`);
  await page.locator("#runs table th", { hasText: "lr" }).waitFor();
});
afterAll(async () => {
  await browser?.close();
  await monitor?.[Symbol.asyncDispose]();
});

const names = () => page.locator("#runs table tbody th bdi").allInnerTexts();
const drawn = () => page.locator("#runs table input[type=checkbox]:checked").count();
const count = () => page.locator("#runs .controls .rows").innerText();
const rowOf = (name: string) => page.locator("#runs table tbody tr", { hasText: name });
const head = (name: string) => page.locator("#runs table thead button", { hasText: new RegExp(`^${name}$`) });

describe("the table of runs", () => {
  it("has a column for each setting that differs, and no other", async () => {
    const heads = await page.locator("#runs table thead th").allInnerTexts();
    expect(heads).toEqual(["chart", "details", "run", "node", "state", "heard", "step", "last", "best", "sde", "seed", "lr", "memory", "not shown"]); // prettier-ignore
    expect(await rowOf("cifar10-07").locator("td.setting").allInnerTexts()).toEqual(["vp", "2", "0.0002"]);
  });

  it("is searched by words, also of settings; all and none act on what is found", async () => {
    await page.locator("#run-search").fill("sde=vp lr=0.0001");
    await expect.poll(count).toBe("10 of 60 rows, 60 drawn");
    await page.locator("#draw-none").click();
    await expect.poll(count).toBe("10 of 60 rows, 50 drawn");
    await page.locator("#run-search").fill("");
    await expect.poll(drawn).toBe(50);
    await page.locator("#draw-all").click();
    await expect.poll(drawn).toBe(60);
  });

  it("sorts by any column, and keeps the focus where it is", async () => {
    await head("last").click();
    await expect.poll(async () => (await names())[0]).toBe("cifar10-00");
    await rowOf("cifar10-00").locator("input[type=checkbox]").focus();
    await head("last").evaluate((button: HTMLElement) => button.click());
    await expect.poll(async () => (await names())[0]).toBe("cifar10-59");
    expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toContain("cifar10-00");
    expect(await page.locator("th[aria-sort=descending]").innerText()).toMatch(/^last/);
    await head("lr").click();
    await expect.poll(async () => (await names()).slice(0, 2)).toEqual(["cifar10-00", "cifar10-03"]);
    await head("lr").click();
    await head("lr").click();
    await expect.poll(async () => (await names())[1]).toBe("cifar10-01");
  });

  it("shows the newest and the best value of a chosen metric", async () => {
    const cells = async () => [await rowOf("cifar10-02").locator("td.last").innerText(), await rowOf("cifar10-02").locator("td.best").innerText()]; // prettier-ignore
    await page.locator("#run-metric").selectOption("train/images_per_second");
    await expect.poll(cells).toEqual(["644", "648"]);
    expect(await rowOf("cifar10-02").locator("td.best").getAttribute("title")).toBe("at step 49");
    await page.locator("#run-metric").selectOption("train/loss");
  });

  it("draws one run alone and all again, or one less", async () => {
    await rowOf("cifar10-33").locator("button.solo").click();
    await expect.poll(drawn).toBe(1);
    await expect.poll(() => page.locator("figure.chart .legend").first().locator("li").allInnerTexts()).toEqual([expect.stringContaining("cifar10-33")]); // prettier-ignore
    await rowOf("cifar10-33").locator("button.solo").click();
    await expect.poll(drawn).toBe(60);
    await rowOf("cifar10-05").locator("input[type=checkbox]").uncheck();
    await expect.poll(drawn).toBe(59);
    await page.locator("#draw-all").click();
  });

  it("gives 32 runs curves that differ in colour or stroke", async () => {
    const looks = await page
      .locator("#runs table tbody svg.swatch line")
      .evaluateAll((lines) =>
        lines.map((line) => `${getComputedStyle(line).stroke} ${line.getAttribute("stroke-dasharray")}`),
      );
    expect([looks.length, new Set(looks).size]).toEqual([60, 32]);
  });
});

describe("the charts", () => {
  const chart = () => page.locator("figure.chart").first();
  const legend = () => chart().locator(".legend li").allInnerTexts();
  const only = async (...wanted: readonly string[]) => {
    await page.locator("#draw-none").click();
    for (const name of wanted) await rowOf(name).locator("input[type=checkbox]").check();
    await expect.poll(drawn).toBe(wanted.length);
  };

  it("give at the pointer a value of each run, though they log at other steps", async () => {
    await only("cifar10-02", "cifar10-03");
    await chart()
      .locator(".u-over")
      .hover({ position: { x: 60, y: 60 } });
    await expect.poll(() => chart().locator("h3").innerText()).toMatch(/^Loss · step [\d,]+$/);
    expect(await chart().locator(".legend b").allInnerTexts()).toEqual([expect.stringMatching(/^3\.\d+$/), expect.stringMatching(/^3\.\d+$/)]); // prettier-ignore
    await page.mouse.move(0, 0);
  });

  it("go by steps, by the time since the start, or by the time of day", async () => {
    const marks = async () => {
      await chart()
        .locator(".u-over")
        .hover({ position: { x: 60, y: 60 } });
      return chart().locator("h3").innerText();
    };
    await page.locator("#axis").selectOption("relative");
    await expect.poll(marks).toMatch(/^Loss · \d+ min/);
    await page.locator("#axis").selectOption("wall");
    await expect.poll(marks).toMatch(/^Loss · 1\/2\/2026, 0\d:\d\d:\d\d$/);
    await page.locator("#axis").selectOption("step");
    await page.mouse.move(0, 0);
  });

  it("are not flattened by an outlier, and say so", async () => {
    await only("cifar10-17");
    const outside = chart().locator(".outside");
    await expect.poll(() => outside.innerText()).toMatch(/^\d values? (is|are) outside$/);
    await page.locator("#outliers").check();
    await expect.poll(() => outside.isVisible()).toBe(false);
    await page.locator("#outliers").uncheck();
  });

  it("name up to eight curves, and cut no value", async () => {
    await only("cifar10-02", "cifar10-03", "cifar10-04", "cifar10-05", "cifar10-06");
    const parts = (selector: string) => chart().locator(`.legend ${selector}`).evaluateAll((found: HTMLElement[]) => found.map((part) => [part.offsetWidth >= 40, part.scrollWidth <= part.offsetWidth])); // prettier-ignore
    expect(await parts(".name")).toEqual(Array(5).fill([true, true]));
    expect(await chart().locator(".legend b").evaluateAll((values: HTMLElement[]) => values.every((value) => value.getBoundingClientRect().right <= value.closest("li")!.getBoundingClientRect().right))).toBe(true); // prettier-ignore
  });

  it("name of many curves those next to the pointer", async () => {
    await page.locator("#draw-all").click();
    await expect.poll(drawn).toBe(60);
    expect((await legend()).at(-1)).toBe("and 52 more");
    const outside = (list: HTMLElement) => [...list.children].filter((item) => item.getBoundingClientRect().bottom > list.getBoundingClientRect().bottom).length; // prettier-ignore
    expect(await chart().locator(".legend").evaluate(outside)).toBe(0);
    await chart()
      .locator(".u-over")
      .hover({ position: { x: 150, y: 5 } });
    await expect.poll(async () => (await legend()).join()).toContain("cifar10-59");
  });

  it("draw the mean of the runs with one value of a setting, with a band", async () => {
    const inks = () =>
      chart()
        .locator("canvas")
        .evaluate((canvas: HTMLCanvasElement) => {
          const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
          let pale = 0;
          for (let i = 3; i < data.length; i += 4) if (data[i]! > 30 && data[i]! < 120) pale++;
          return pale;
        });
    await page.locator("#draw-all").click();
    await page.locator("#group").selectOption("optim.lr");
    await expect.poll(async () => (await legend()).map((text) => text.replace(/\s*[\d.]+$/, ""))).toEqual(["lr=0.0001 (20 runs)", "lr=0.0002 (20 runs)", "lr=0.0005 (20 runs)"]); // prettier-ignore
    expect(await inks()).toBeGreaterThan(5000);
    await expect.poll(() => page.url()).toContain("group=optim.lr");
    await page.locator("#group").selectOption("");
    await expect.poll(async () => (await legend()).length).toBe(9);
  });

  it("zoom by two fingers", async () => {
    const touch = await browser.newContext({ viewport: { width: 390, height: 800 }, hasTouch: true });
    const phone = await touch.newPage();
    await phone.goto(monitor.url);
    await phone.locator("#runs table th", { hasText: "lr" }).waitFor();
    await phone.waitForTimeout(1500);
    const over = phone.locator("figure.chart .u-over").first();
    await over.scrollIntoViewIfNeeded();
    const box = (await over.boundingBox())!;
    const cdp = await touch.newCDPSession(phone);
    const fingers = (apart: number) =>
      [0.5 - apart, 0.5 + apart].map((part, id) => ({ id, x: box.x + part * box.width, y: box.y + 50 }));
    const send = (type: "touchStart" | "touchMove" | "touchEnd", touchPoints: ReturnType<typeof fingers>) => cdp.send("Input.dispatchTouchEvent", { type, touchPoints }); // prettier-ignore
    expect(await phone.locator("#reset").isDisabled()).toBe(true);
    await send("touchStart", fingers(0.1));
    for (const apart of [0.15, 0.2, 0.3]) await send("touchMove", fingers(apart));
    await send("touchEnd", []);
    await expect.poll(() => phone.locator("#reset").isEnabled()).toBe(true);
    await touch.close();
  });

  it("have made no error", () => expect(watched.troubles).toEqual([]));
});
