/** A page in memory for its views. Its globals are there for the time of one test: all test files share a process. */
import { Window } from "happy-dom";
import { afterEach, beforeEach, vi } from "vitest";
import type { RunState } from "../../../../src/metrics/run-state.ts";
import "../../../../src/monitor/web/page/dom.ts";
import type { Model } from "../../../../src/monitor/web/page/model.ts";

/** One for all tests: uPlot keeps the document that was there when it was loaded. */
const page = new Window({ url: "http://monitor.test/", width: 1000, height: 800 });
const NAMES = ["document", "localStorage", "location", "navigator", "history", "CustomEvent", "HTMLElement", "MouseEvent", "matchMedia"] as const; // prettier-ignore

/** A call of a canvas's context, or a property that was set. */
export type Drawn = readonly [name: string, ...values: unknown[]];

/** Takes all that is drawn, and draws nothing. */
function recorder(drawn: Drawn[], canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const known: Record<string | symbol, unknown> = { canvas };
  return new Proxy(known, {
    get: (_, name) => known[name] ?? ((...values: unknown[]) => (drawn.push([String(name), ...values]), { width: 10 })),
    set: (_, name, value) => (drawn.push([String(name), value]), (known[name] = value), true),
  }) as unknown as CanvasRenderingContext2D;
}

/** A line of a path is nowhere. */
class NoPath {
  constructor() {
    return new Proxy(this, { get: () => () => {} });
  }
}

const observers = new Map<Element, () => void>();
class Observer {
  readonly #told: () => void;
  constructor(told: () => void) {
    this.#told = told;
  }
  observe(element: Element): void {
    observers.set(element, this.#told);
  }
}

/** The width of every element, in CSS pixels. */
let width = 600;
const widths = { configurable: true, get: () => width };
const contexts = new Map<HTMLCanvasElement, { readonly drawn: Drawn[]; readonly context: unknown }>();

/** Takes away what a test's page listens to. */
const leave: (() => void)[] = [];

/** Changes the width of all elements, and tells who observes one. */
export function resize(next: number): void {
  width = next;
  for (const told of observers.values()) told();
}

/** All that was drawn on a canvas. */
export const drawnOn = (canvas: Element): readonly Drawn[] => contexts.get(canvas as HTMLCanvasElement)?.drawn ?? [];

/** Gives each test of a file an empty page. */
export function usePage(): void {
  beforeEach(() => {
    width = 600;
    const canvas = page.HTMLCanvasElement.prototype;
    Object.defineProperty(page.HTMLElement.prototype, "clientWidth", widths);
    Object.assign(canvas, {
      getContext(this: HTMLCanvasElement) {
        if (!contexts.has(this)) {
          const drawn: Drawn[] = [];
          contexts.set(this, { drawn, context: recorder(drawn, this) });
        }
        return contexts.get(this)!.context;
      },
      toBlob: (done: (blob: Blob) => void) => done(new Blob(["picture"])),
    });
    for (const name of NAMES) {
      const value = page[name] as unknown;
      vi.stubGlobal(name, typeof value === "function" && !/^[A-Z]/.test(name) ? value.bind(page) : value);
    }
    vi.stubGlobal("window", page);
    vi.stubGlobal("addEventListener", (type: string, act: () => void) => {
      page.addEventListener(type, act);
      leave.push(() => page.removeEventListener(type, act));
    });
    vi.stubGlobal("devicePixelRatio", 1);
    vi.stubGlobal("ResizeObserver", Observer);
    vi.stubGlobal("Path2D", NoPath);
    // A variable's colour is its name.
    vi.stubGlobal("getComputedStyle", (element: HTMLElement) => ({ color: element.style.color }));
    vi.stubGlobal("requestAnimationFrame", (act: () => void) => setTimeout(act, 16));
  });
  afterEach(async () => {
    // What uPlot puts off is over before its globals go.
    await Promise.resolve();
    vi.useRealTimers();
    vi.restoreAllMocks();
    for (const act of leave.splice(0)) act();
    document.body.replaceChildren();
    document.title = "";
    localStorage.clear();
    history.replaceState(null, "", "/");
    observers.clear();
    contexts.clear();
    vi.unstubAllGlobals();
  });
}

/** Puts an element on the page. */
export function shown<E extends HTMLElement>(element: E): E {
  document.body.append(element);
  return element;
}

export const find = <E extends HTMLElement = HTMLInputElement>(within: ParentNode, selector: string): E => {
  const found = within.querySelector<E>(selector);
  if (!found) throw new Error(`${selector}: no such element`);
  return found;
};

export const texts = (within: ParentNode, selector: string): string[] =>
  [...within.querySelectorAll(selector)].map(({ textContent }) => textContent ?? "");

/** The event as the page's document knows it. */
export const event = (type: string, more: object = {}): Event =>
  Object.assign(new page.Event(type, { bubbles: true, cancelable: true }), more) as unknown as Event;

/** Gives a field a value, as a person does. */
export function enter(field: HTMLElement, value: string | boolean, type = "change"): void {
  Object.assign(field, typeof value === "boolean" ? { checked: value } : { value });
  field.dispatchEvent(event(type));
}

/** Adds the metrics of one step of a node. */
export function tell(
  model: Model,
  run: string,
  values: Readonly<Record<string, number>>,
  { node = "n", step = 1, time = "2026-01-02T03:04:05.000Z", dropped = 0, unit = "1" } = {},
): void {
  // prettier-ignore
  const metrics = Object.entries(values).map(([name, value]) => ({ name, value, step, unit, time }));
  model.store.add({ run, node, first: 0, last: 0, dropped, metrics }, Date.parse(time));
}

/** A state of a run that trains. */
export const STATE: RunState = {
  phase: "training",
  time: "2026-01-02T03:04:05.000Z",
  stage: "training",
  done: 50,
  total: 200,
  unit: "steps",
  pipeline: "p",
  step: 50,
  images: 500,
  seconds: 10,
  secondsLeft: 30,
  runSeconds: 20,
  runSecondsLeft: 60,
  idleSeconds: 0,
  phases: [],
};

/** Tells the state of a node. */
export function tellState(model: Model, run: string, state: Partial<RunState> = {}, node = "n"): void {
  const next = { ...STATE, ...state };
  model.store.add({ run, node, first: 0, last: 0, dropped: 0, metrics: [], state: next }, Date.parse(next.time));
}
