/** Grids of several runs side by side, and the training images that are nearest to samples. */
import { describe, expect, it } from "vitest";
import type { NearestImages } from "../../../../src/metrics/nearest-images.ts";
import { acrossView } from "../../../../src/monitor/web/page/across-view.ts";
import { Model } from "../../../../src/monitor/web/page/model.ts";
import { nearestView } from "../../../../src/monitor/web/page/nearest-view.ts";
import type { FilesState } from "../../../../src/monitor/web/run-files.ts";
import { FILES, grid, serve } from "./files-fixture.ts";
import { enter, event, find, shown, tell, texts, usePage } from "./fixture.ts";

usePage();

describe("nearest training images", () => {
  const NEAREST: NearestImages = {
    ...{ step: 20, searched: 10, of: 10, mirrored: false, shape: [8, 8, 3], test: [5, 10] },
    samples: [4, 1, 3, 2].map((distance, i) => ({ image: 1000 + i, distance })),
  };

  async function nearest(samples: FilesState["samples"], answer: unknown = NEAREST) {
    const served = serve({ "api/runs/r/nearest?step=20": answer });
    const view = nearestView();
    shown(view.element);
    await view.update("r", samples);
    return { ...view, ...served };
  }

  it("stand beside their samples, the nearest first, with the distance", async () => {
    const { element } = await nearest([grid(10), grid(20), grid(20, "nearest")]);
    expect(element.hidden).toBe(false);
    expect(texts(element, "li")).toEqual(["1 · no. 1,001", "2 · no. 1,003", "3 · no. 1,002", "4 · no. 1,000"]);
    const labels = [...element.querySelectorAll("li")[0]!.querySelectorAll(".crop")].map((crop) => crop.getAttribute("aria-label")); // prettier-ignore
    expect(labels).toEqual(["sample 2", "training image 1,001, at distance 1"]);
    expect(find(element, ".note").textContent).toMatch(/^Step 20: .* 4 of 4 samples are nearer/);
  });

  it("are cut out of the grids at their place, each of 64 pixels", async () => {
    const { element } = await nearest([grid(20), grid(20, "nearest")]);
    const { style } = find(element.querySelectorAll("li")[1]!, ".crop");
    expect([style.width, style.height, style.backgroundSize]).toEqual(["64px", "64px", "176px auto"]);
    expect([style.backgroundPosition, style.backgroundImage]).toEqual(["-96px -96px", 'url("api/runs/r/samples/samples_20.png?modified=t")']); // prettier-ignore
  });

  it("have a drawing of all distances, the largest at its end", async () => {
    const { element } = await nearest([grid(20), grid(20, "nearest")]);
    const dots = [...element.querySelectorAll("circle")].map((dot) => [dot.getAttribute("class"), Number(dot.getAttribute("cx")), Number(dot.getAttribute("cy"))]); // prettier-ignore
    expect(dots[0]).toEqual(["own", 84 + 0.4 * 324, 17]);
    expect(dots.at(-1)).toEqual(["", 408, 51]);
    expect([dots.length, texts(element, "text")]).toEqual([6, ["samples", "test images", "0", "10"]]);
  });

  it("are asked for once, and hidden where there are none", async () => {
    const { update, asked, element, answers } = await nearest([grid(20), grid(20, "nearest")]);
    await update("r", [grid(20), grid(20, "nearest")]);
    expect(asked.length).toBe(1);
    delete answers["api/runs/r/nearest?step=20"];
    await update("r", [{ ...grid(20), modified: "later" }, grid(20, "nearest")]);
    expect([asked.length, element.hidden]).toEqual([2, true]);
    await update("r", [grid(10), grid(20, "nearest")]);
    await update("r", [grid(20)]);
    expect([asked.length, element.hidden]).toEqual([2, true]);
  });
});

describe("grids of several runs", () => {
  async function across(runs: readonly string[]) {
    const model = new Model();
    for (const run of runs) tell(model, run, { "train/loss": 1 });
    const answer = (samples: FilesState["samples"]) => ({ files: { ...FILES, samples } });
    const served = serve({ "api/runs/a": answer([grid(10), grid(20), grid(20, "raw")]), "api/runs/b": answer([grid(10)]), "api/runs/c": answer([]) }); // prettier-ignore
    const view = acrossView(model);
    shown(view.element);
    await view.look();
    const details = find<HTMLDetailsElement>(view.element, "details");
    const open = async () => {
      details.open = true;
      details.dispatchEvent(event("toggle"));
      await view.look();
    };
    const captions = () => texts(view.element, "figcaption");
    return { ...view, ...served, model, open, captions, step: find<HTMLSelectElement>(view.element, "#across-step"), kind: find<HTMLSelectElement>(view.element, "#across-kind") }; // prettier-ignore
  }

  it("are hidden for one run, and asked for only while they are open", async () => {
    expect(acrossView(new Model()).element.hidden).toBe(true);
    expect((await across(["a"])).element.hidden).toBe(true);
    const { element, asked, open } = await across(["a", "b"]);
    expect([element.hidden, asked]).toEqual([false, []]);
    await open();
    expect(asked).toContain("api/runs/b");
  });

  it("are the newest of each run that has some", async () => {
    const { element, open, captions, step } = await across(["a", "b", "c"]);
    await open();
    expect(captions()).toEqual(["a step 20", "b step 10"]);
    expect(texts(step, "option")).toEqual(["the newest of each", "10", "20"]);
    expect(find(element, ".controls .note").textContent).toBe("");
  });

  it("are looked for behind runs without any, and are 24 at most", async () => {
    const named = (letter: string, count: number) => Array.from({ length: count }, (_, i) => `${letter}${i}`);
    const { element, open, captions, answers, model, look } = await across([...named("none", 30), "a", "b"]);
    await open();
    expect([captions(), find(element, ".controls .note").textContent]).toEqual([["a step 20", "b step 10"], ""]);
    for (const run of named("g", 23)) {
      answers[`api/runs/${run}`] = { files: { ...FILES, samples: [grid(10)] } };
      tell(model, run, { "train/loss": 1 });
    }
    await look();
    expect(captions()).toHaveLength(24);
    expect(find(element, ".controls .note").textContent).toBe("These are the first 24 runs that are drawn and have grids."); // prettier-ignore
  });

  it("are of one step, or of another kind", async () => {
    const { open, captions, step, kind, element, look } = await across(["a", "b"]);
    await open();
    enter(step, "20");
    expect(captions()).toEqual(["a step 20", "b no such grid"]);
    expect([...element.querySelectorAll("img")].map(({ hidden }) => hidden)).toEqual([false, true]);
    await look();
    expect(step.value).toBe("20");
    enter(step, "");
    enter(kind, "raw");
    expect(captions()).toEqual(["a step 20", "b no such grid"]);
    expect(find(element, "img").getAttribute("src")).toBe("api/runs/a/samples/raw_20.png?modified=t");
  });

  it("have each run's colour, and keep their pictures", async () => {
    const { open, look, element } = await across(["a", "b"]);
    await open();
    const lines = [...element.querySelectorAll<SVGElement>("figcaption line")].map(({ style }) => style.stroke);
    expect(lines).toEqual(["var(--run-0)", "var(--run-1)"]);
    const images = [...element.querySelectorAll("img")];
    await look();
    expect([...element.querySelectorAll("img")]).toEqual(images);
    expect(find(element, ".controls .note").textContent).toBe("");
  });

  it("say so where no run has any", async () => {
    const { open, element, captions } = await across(["c", "none"]);
    await open();
    expect([captions(), find(element, ".controls .note").textContent]).toEqual([[], "No run that is drawn has grids here."]); // prettier-ignore
  });

  it("keep what has come when an answer does not, and another step when the chosen one is gone", async () => {
    const { open, captions, step, look, answers, model } = await across(["a", "b"]);
    await open();
    delete answers["api/runs/a"];
    await look();
    expect(captions()).toEqual(["a step 20", "b step 10"]);
    enter(step, "20");
    tell(model, "c", { "train/loss": 1 });
    model.setShown(model.store.nodes("a"), false);
    await look();
    expect([step.value, captions()]).toEqual(["", ["b step 10"]]);
  });

  it("leave out runs that are not drawn", async () => {
    const { open, captions, model, look, element } = await across(["a", "b", "c"]);
    await open();
    model.setShown(model.store.nodes("a"), false);
    await look();
    expect(captions()).toEqual(["b step 10"]);
    model.setShown(model.store.nodes("b"), false);
    model.setShown(model.store.nodes("a"), false);
    await look();
    expect(element.hidden).toBe(true);
  });
});
