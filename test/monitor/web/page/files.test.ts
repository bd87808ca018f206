/** Log, configuration, grids, nearest images and the deletion of the looked-at run. */
import { describe, expect, it, vi } from "vitest";
import type { NearestImages } from "../../../../src/metrics/nearest-images.ts";
import { acrossView } from "../../../../src/monitor/web/page/across-view.ts";
import { filesView } from "../../../../src/monitor/web/page/files-view.ts";
import { Model } from "../../../../src/monitor/web/page/model.ts";
import { nearestView } from "../../../../src/monitor/web/page/nearest-view.ts";
import { enter, event, find, shown, tell, texts, usePage } from "./fixture.ts";
import type { FilesState, GridKind } from "../../../../src/monitor/web/run-files.ts";

usePage();

const grid = (step: number, kind: GridKind = "samples") => ({ name: `${kind}_${step}.png`, step, kind, bytes: 1, modified: "t" }); // prettier-ignore
const FILES: FilesState = { samples: [], config: true, report: false, log: 10 };

/** Answers by address; a text is one, anything else is JSON. */
function serve(answers: Record<string, unknown>) {
  const asked: string[] = [];
  vi.stubGlobal("fetch", (address: string, { method = "GET" } = {}) => {
    asked.push(method === "GET" ? address : `${method} ${address}`);
    const answer = answers[address];
    if (answer instanceof Response) return Promise.resolve(answer);
    if (answer === undefined) return Promise.resolve(new Response("none", { status: 404 }));
    return Promise.resolve(new Response(typeof answer === "string" ? answer : JSON.stringify(answer)));
  });
  return { answers, asked };
}

async function files(answers: Record<string, unknown>, runs = ["r"]) {
  vi.useFakeTimers();
  const model = new Model();
  for (const run of runs) tell(model, run, { "train/loss": 1 });
  const [changed, deleted] = [vi.fn<() => void>(), vi.fn<() => void>()];
  const served = serve(answers);
  const view = filesView(model, changed, deleted);
  for (const part of [view.element, view.report, view.deletion]) shown(part);
  const wait = (ms = 0) => vi.advanceTimersByTimeAsync(ms);
  view.refresh();
  await wait();
  const part = (id: string) => find(view.element, `#${id}`);
  return { ...view, ...served, model, changed, deleted, wait, part };
}

describe("files of a run", () => {
  it("are its configuration and its log", async () => {
    const { part, model, changed, element, asked } = await files({
      ...{ "api/runs/r": { files: FILES }, "api/runs/r/config": { a: { lr: 1 }, b: 2 } },
      ...{ "api/runs/r/log?lines=300": "one\ntwo" },
    });
    expect([texts(part("config"), "tr").join(), find(part("config"), ".note").textContent]).toEqual(["a.lr1,b2", "2 of 2"]); // prettier-ignore
    expect(find(part("log"), "pre").textContent).toBe("one\ntwo");
    expect([model.configs.get("r"), changed.mock.calls.length]).toEqual([{ a: { lr: 1 }, b: 2 }, 1]);
    expect([part("config").hidden, find(element, ".columns > .note").hidden]).toEqual([false, true]);
    expect(asked).toContain("api/runs/r/config");
  });

  it("are looked for again, the log only when it has grown", async () => {
    const { part, asked, answers, wait } = await files({ "api/runs/r": { files: FILES }, "api/runs/r/log?lines=300": "one" }); // prettier-ignore
    asked.length = 0;
    await wait(3000);
    expect(asked.filter((address) => address.includes("log"))).toEqual([]);
    Object.assign(answers, { "api/runs/r": { files: { ...FILES, log: 11 } }, "api/runs/r/log?lines=300": "one\ntwo" });
    await wait(3000);
    expect(find(part("log"), "pre").textContent).toBe("one\ntwo");
  });

  it("say so where nothing has been logged", async () => {
    const { part, asked } = await files({ "api/runs/r": { files: { ...FILES, log: 0, config: false } } });
    expect(find(part("log"), "pre").textContent).toBe("Nothing has been said yet.");
    expect(asked.filter((address) => /log|config/.test(address))).toEqual([]);
  });

  it("are told to be elsewhere where they are", async () => {
    const { part, element, model, report } = await files({ "api/runs/r": { files: null } });
    expect([part("config").hidden, part("log").hidden, part("samples").hidden]).toEqual([true, true, true]);
    expect([find(element, ".columns > .note").hidden, report.hidden]).toEqual([false, true]);
    expect([model.configs.has("r"), model.configs.get("r")]).toEqual([true, undefined]);
  });

  it("are those of the looked-at run, with all runs' configurations", async () => {
    const one = (lr: number) => ({ files: { ...FILES, log: 0, report: true }, lr });
    const { part, model, report, refresh, wait } = await files({
      ...{ "api/runs/a": one(1), "api/runs/b": one(2), "api/runs/a/config": { lr: 1 }, "api/runs/b/config": { lr: 2 } },
    }, ["a", "b"]); // prettier-ignore
    expect([texts(part("config"), "td"), [...model.configs.keys()], report.getAttribute("href")]).toEqual([["1"], ["a", "b"], "api/runs/a/report"]); // prettier-ignore
    expect(report.hidden).toBe(false);
    model.choose(model.store.nodes("b")[0]!);
    refresh();
    await wait();
    expect([texts(part("config"), "td"), report.getAttribute("href")]).toEqual([["2"], "api/runs/b/report"]);
  });

  it("are not looked for while nobody sees the page, nor twice at once", async () => {
    const { asked, refresh, wait } = await files({ "api/runs/r": { files: FILES } });
    vi.spyOn(document, "hidden", "get").mockReturnValue(true);
    asked.length = 0;
    await wait(9000);
    expect(asked).toEqual([]);
    vi.restoreAllMocks();
    refresh();
    const count = asked.length;
    refresh();
    expect(asked.length).toBe(count);
    await wait();
  });

  it("change nothing when no answer comes", async () => {
    const { part, answers, wait } = await files({ "api/runs/r": { files: FILES }, "api/runs/r/log?lines=300": "one" });
    delete answers["api/runs/r"];
    await wait(3000);
    expect([find(part("log"), "pre").textContent, part("log").hidden]).toEqual(["one", false]);
  });
});

describe("a log", () => {
  it("follows its end, but for a reader who has scrolled up", async () => {
    const { part, answers, wait } = await files({ "api/runs/r": { files: FILES }, "api/runs/r/log?lines=300": "one" });
    const log = find(part("log"), "pre");
    const place = { scrollHeight: 1000, clientHeight: 100, scrollTop: 880 };
    for (const name of Object.keys(place) as (keyof typeof place)[]) Object.defineProperty(log, name, { get: () => place[name], set: (value: number) => (place[name] = value) }); // prettier-ignore
    const grow = async (size: number) => {
      Object.assign(answers, { "api/runs/r": { files: { ...FILES, log: size } } });
      await wait(3000);
      return place.scrollTop;
    };
    expect(await grow(11)).toBe(1000);
    place.scrollTop = 876;
    expect(await grow(12)).toBe(876);
  });
});

describe("the configuration", () => {
  it("is searched by words", async () => {
    const { part } = await files({ "api/runs/r": { files: FILES }, "api/runs/r/config": { optim: { lr: 1 }, sde: "vp" } }); // prettier-ignore
    enter(find(part("config"), "input"), "lr", "input");
    expect([texts(part("config"), "th"), find(part("config"), ".note").textContent]).toEqual([["optim.lr"], "1 of 2"]);
  });
});

describe("the deletion of a record", () => {
  const DELETABLE = { "api/runs/r": { files: null, deletable: true } };

  it("is offered only where the server may do it", async () => {
    const none = await files({ "api/runs/r": { files: FILES } });
    expect(find(none.deletion, "button").hidden).toBe(true);
    const some = await files(DELETABLE);
    expect(find(some.deletion, "button").hidden).toBe(false);
    expect(find(some.deletion, "button").getAttribute("aria-label")).toBe("Delete the record of run r");
  });

  it.each([
    ["asked and agreed", true, "", ["POST api/runs/r/delete"], "r was deleted.", 1],
    ["asked and not agreed", false, "", [], "", 0],
    ["refused", true, new Response(" still going\n", { status: 409 }), ["POST api/runs/r/delete"], "r was not deleted: still going", 0], // prettier-ignore
  ])("is %s", async (_, agreed, answer, posts, said, done) => {
    const { deletion, deleted, asked, wait } = await files({ ...DELETABLE, "api/runs/r/delete": answer });
    const confirm = vi.fn(() => agreed);
    vi.stubGlobal("confirm", confirm);
    find(deletion, "button").click();
    await wait();
    expect(confirm.mock.calls).toEqual([["Delete the record of run r? Its metrics are lost; its own folder stays."]]);
    expect(asked.filter((address) => address.startsWith("POST"))).toEqual(posts);
    expect([find(deletion, "span").textContent, deleted.mock.calls.length]).toEqual([said, done]);
  });
});

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
    const { asked } = serve({ "api/runs/a": answer([grid(10), grid(20), grid(20, "raw")]), "api/runs/b": answer([grid(10)]), "api/runs/c": answer([]) }); // prettier-ignore
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
    return { ...view, model, asked, open, captions, step: find<HTMLSelectElement>(view.element, "#across-step"), kind: find<HTMLSelectElement>(view.element, "#across-kind") }; // prettier-ignore
  }

  it("are hidden for one run, and asked for only while they are open", async () => {
    expect((await across(["a"])).element.hidden).toBe(true);
    const { element, asked, open } = await across(["a", "b"]);
    expect([element.hidden, asked]).toEqual([false, []]);
    await open();
    expect(asked).toContain("api/runs/b");
  });

  it("are the newest of each run that has some, and say how many runs have none", async () => {
    const { element, open, captions, step } = await across(["a", "b", "c"]);
    await open();
    expect(captions()).toEqual(["a step 20", "b step 10"]);
    expect(texts(step, "option")).toEqual(["the newest of each", "10", "20"]);
    expect(find(element, ".controls .note").textContent).toBe("1 more are drawn above.");
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
