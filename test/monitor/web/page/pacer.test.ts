/** When the page is drawn, what its address keeps, and its theme. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Model } from "../../../../src/monitor/web/page/model.ts";
import { pacer } from "../../../../src/monitor/web/page/pacer.ts";
import { colour, themeSwitch, translucent } from "../../../../src/monitor/web/page/theme.ts";
import { viewSync } from "../../../../src/monitor/web/page/view-sync.ts";
import { event, usePage } from "./fixture.ts";

usePage();
beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => vi.clearAllTimers());
const wait = (ms: number) => vi.advanceTimersByTime(ms);

describe("drawings", () => {
  /** @param cost ms that a drawing takes. */
  function paced(cost = 0) {
    const drawn: number[] = [];
    const start = performance.now();
    const { later, soon } = pacer(() => {
      drawn.push(performance.now() - start);
      wait(cost);
    });
    return { drawn, later, soon };
  }

  it("are one for all that comes within 150 ms and a frame", () => {
    const { drawn, later } = paced();
    for (let i = 0; i < 5; i++) {
      later();
      wait(30);
    }
    later();
    expect(drawn).toEqual([]);
    wait(16);
    expect(drawn).toEqual([166]);
    later();
    wait(166);
    expect(drawn).toEqual([166, 332]);
  });

  it("come with the next frame for what a person did, once, and take the waiting ones with them", () => {
    const { drawn, later, soon } = paced();
    later();
    wait(100);
    soon();
    soon();
    later();
    wait(16);
    expect(drawn).toEqual([116]);
    wait(1000);
    expect(drawn.length).toBe(1);
  });

  it("rest three times as long as one took", () => {
    const { drawn, later } = paced(200);
    later();
    wait(400);
    later();
    wait(1000);
    // The time of the drawing comes to the 400 ms.
    expect(drawn).toEqual([166, 400 + 200 + 3 * 200 + 16]);
  });
});

describe("the address", () => {
  it("gives the view at first and at each change of it, by back and forward too", () => {
    location.hash = "#find=a&log=1&only=x";
    const model = new Model();
    const changed = vi.fn<() => void>();
    viewSync(model, changed);
    expect([model.table.search, model.view.log, changed.mock.calls.length]).toEqual(["a", true, 0]);
    model.hidden.add("gone");
    location.hash = "#find=b";
    window.dispatchEvent(event("hashchange"));
    expect([model.table.search, model.view.log, [...model.hidden], changed.mock.calls.length]).toEqual(["b", false, [], 1]); // prettier-ignore
  });

  it("is written 300 ms after the first change, and only where it is another", () => {
    const replace = vi.spyOn(history, "replaceState");
    const model = new Model();
    const { write } = viewSync(model, () => {});
    model.table = { ...model.table, search: "a" };
    write();
    wait(200);
    model.table = { ...model.table, search: "ab" };
    write();
    wait(99);
    expect(location.hash).toBe("");
    wait(1);
    expect([location.hash, replace.mock.calls.length]).toEqual(["#find=ab", 1]);
    write();
    wait(300);
    expect(replace.mock.calls.length).toBe(1);
  });

  it("loses its last part with the last change, and keeps its query", () => {
    history.replaceState(null, "", "/sub/?a=1#find=x");
    const model = new Model();
    const { write } = viewSync(model, () => {});
    model.table = { ...model.table, search: "" };
    write();
    wait(300);
    expect(location.href).toBe("http://monitor.test/sub/?a=1");
  });
});

describe("the theme", () => {
  it("is the one that was chosen; an unknown one is the system's", () => {
    localStorage.setItem("scorestream-theme", "dark");
    expect(themeSwitch(() => {}).textContent).toBe("Theme: dark");
    expect(document.documentElement.dataset["theme"]).toBe("dark");
    localStorage.setItem("scorestream-theme", "pink");
    expect(themeSwitch(() => {}).textContent).toBe("Theme: auto");
    expect(document.documentElement.dataset["theme"]).toBeUndefined();
  });

  it("is told when the system changes", () => {
    const media = new EventTarget();
    vi.stubGlobal("matchMedia", () => media);
    const changed = vi.fn<() => void>();
    themeSwitch(changed);
    media.dispatchEvent(new Event("change"));
    expect(changed.mock.calls.length).toBe(1);
  });

  it("gives the colours of variables, and such as let others be seen", () => {
    expect(colour("--accent")).toBe("var(--accent)");
    expect(document.body.children.length).toBe(0);
    expect(translucent("rgb(1, 2, 3)")).toBe("rgba(1, 2, 3, 0.18)");
  });
});
