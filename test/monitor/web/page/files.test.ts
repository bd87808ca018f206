/** Log, configuration, report and the deletion of the looked-at run. */
import { describe, expect, it, vi } from "vitest";
import { deleteView } from "../../../../src/monitor/web/page/delete-view.ts";
import { filesView } from "../../../../src/monitor/web/page/files-view.ts";
import { Model } from "../../../../src/monitor/web/page/model.ts";
import { FILES, grid, serve } from "./files-fixture.ts";
import { enter, find, shown, tell, texts, usePage } from "./fixture.ts";

usePage();

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

  it("are its grids too, and the configuration is asked for once", async () => {
    const { part, asked, wait } = await files({ "api/runs/r": { files: { ...FILES, samples: [grid(10)] } }, "api/runs/r/config": { a: 1 } }); // prettier-ignore
    expect(find(part("samples"), "img").getAttribute("src")).toBe("api/runs/r/samples/samples_10.png?modified=t");
    await wait(3000);
    expect(asked.filter((address) => address.endsWith("config"))).toEqual(["api/runs/r/config"]);
  });

  it("are asked for again while the configuration has not come", async () => {
    const { part, answers, wait, model } = await files({ "api/runs/r": { files: FILES } });
    expect([model.configs.has("r"), texts(part("config"), "tr")]).toEqual([false, []]);
    answers["api/runs/r/config"] = { a: 1 };
    await wait(3000);
    expect(texts(part("config"), "tr")).toEqual(["a1"]);
  });

  it("leave the rows of the configuration in their place", async () => {
    const { part, wait } = await files({ "api/runs/r": { files: FILES }, "api/runs/r/config": { a: 1 } });
    const row = find(part("config"), "tr");
    await wait(3000);
    expect(find(part("config"), "tr")).toBe(row);
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
    expect(find(deleteView(() => {}).element, "button").hidden).toBe(true);
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
