/** Deleting the record of a run that was pushed, on the page of a monitor. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { launchBrowser, openPage } from "./fixture.ts";
import { startMonitor, writeRun } from "./folders.ts";

const AT = "2026-01-02T03:00:00Z";
const state = { phase: "finished", time: AT, stage: "", done: 0, unit: "", step: 10, pipeline: "p", images: 0, seconds: 0, runSeconds: 1, idleSeconds: 0, phases: [] }; // prettier-ignore

it("asks first, deletes what was pushed in all tabs, and offers it for no run that is only read", async () => {
  const browser = await launchBrowser();
  let record = "";
  await using monitor = await startMonitor((runs) => {
    writeRun(runs, { name: "read", config: {}, values: { "train/loss": [3, 2] } });
    const kept = join(runs, "..", "kept");
    mkdirSync(kept);
    record = join(kept, "pushed.jsonl");
    const lines = [{ name: "train/loss", step: 10, value: 1, unit: "1", time: AT, node: "n", sequence: 1 }, { state, node: "n", sequence: 2 }]; // prettier-ignore
    writeFileSync(record, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  });
  const { page, troubles } = await openPage(browser, monitor.url);
  const other = await page.context().newPage();
  await other.goto(monitor.url);
  const rows = (on: typeof page) => on.locator("#runs table tbody tr");
  for (const on of [page, other]) await expect.poll(() => rows(on).count()).toBe(2);
  const button = page.locator("#delete-run");
  await page.getByLabel("details of \u2068read\u2069").check();
  await expect.poll(() => page.locator("pre.log").innerText()).toContain("a line");
  expect(await button.isVisible()).toBe(false);

  await page.getByLabel("details of \u2068pushed\u2069").check();
  await button.waitFor();
  const asked: string[] = [];
  page.once("dialog", (dialog) => (asked.push(dialog.message()), void dialog.dismiss()));
  await button.click();
  expect(asked).toEqual(["Delete the record of run pushed? Its metrics are lost; its own folder stays."]);
  expect(existsSync(record)).toBe(true);
  page.once("dialog", (dialog) => void dialog.accept());
  await button.click();
  for (const on of [page, other]) await expect.poll(() => rows(on).count()).toBe(1);
  expect(existsSync(record)).toBe(false);
  expect(await page.locator("#delete-run + .note").innerText()).toBe("pushed was deleted.");
  expect(troubles).toEqual([]);
  await browser.close();
});
