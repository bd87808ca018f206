import { describe, expect, it } from "vitest";
import type { CoordinatorEffect, CoordinatorRules, Locality } from "../../src/exchange/coordinator-state.ts";
import { IDLE, LINGER, RETRY } from "../../src/exchange/limits.ts";
import { attend } from "../../src/exchange/member-rules.ts";
import { newMember, type MemberEvent } from "../../src/exchange/member-state.ts";
import type { MemberMessage, Ready } from "../../src/exchange/messages.ts";
import { coordinatorMachine, D, frozen } from "./coordinator-fixture.ts";

/** A coordinator whose time and members are a test's. */
function coordinator(over: Partial<CoordinatorRules> = {}) {
  const machine = coordinatorMachine(over);
  const { happen, wait } = machine;
  return {
    ...{ happen, wait },
    join: (node: string, rank = 0, incarnation = node, place: Locality = "here") =>
      happen({ type: "join", arrival: { address: node, place, rank, collectivesPort: 0, node, incarnation } }),
    said: (id: number, message: MemberMessage) => happen({ type: "said", id, message }),
    /** The answer to the view in preparation. */
    ready: (id: number, ready: Partial<Ready>) =>
      happen({ type: "said", id, message: { ready: { view: machine.state.view, step: 0, settled: false, hash: "h", hasSum: false, ...ready } } }), // prettier-ignore
    get members() {
      return machine.state.members.map(({ id }) => id);
    },
    get phase() {
      return machine.state.phase;
    },
  };
}

const alive = (step: number, progress = step): MemberMessage => ({ alive: { progress, step, waitsFor: [] } });
const views = (effects: readonly CoordinatorEffect[]) =>
  effects.flatMap((effect) => (effect.type === "send" && effect.message.view ? [effect.message.view] : []));

describe("the coordinator's rules", () => {
  it("let nobody fetch what he has already", () => {
    const run = coordinator();
    run.join("a");
    run.join("b");
    run.ready(1, { hash: "same" });
    expect(views(run.ready(2, { hash: "same" })).map(({ need }) => need)).toEqual(["NOTHING", "NOTHING"]);
  });

  it("count no newcomer's state as the run's while others change: the older members' stays", () => {
    const run = coordinator();
    run.join("a");
    run.join("b");
    run.ready(1, {});
    run.ready(2, {});
    run.join("c");
    for (const id of [1, 2]) run.ready(id, { step: 4, settled: true, hash: "run's" });
    expect(views(run.ready(3, { step: 9, hash: "foreign" })).map(({ need, step }) => [need, step])).toEqual([
      ["NOTHING", 4],
      ["NOTHING", 4],
      ["STATE", 4],
    ]);
    // Before it has fetched, another goes.
    run.happen({ type: "gone", id: 2, why: "killed" });
    run.ready(1, { step: 4, settled: true, hash: "run's" });
    const [first, newcomer] = views(run.ready(3, { step: 9, settled: false, hash: "foreign" }));
    expect([first?.need, first?.step, newcomer?.need]).toEqual(["NOTHING", 4, "STATE"]);
  });

  it("put a node that came back in the place of its old self, and refuse only for now where it is full", () => {
    const run = coordinator();
    for (const node of ["a", "b", "c"]) run.join(node);
    expect(run.join("d").find(({ type }) => type === "refuse")).toMatchObject({ passing: true });
    expect(run.join("c", 2, "later")).toContainEqual(
      expect.objectContaining({ type: "end", id: 3, how: "superseded" }),
    );
    expect(run.members).toEqual([1, 2, 4]);
    expect(run.join("e", 2).find(({ type }) => type === "refuse")).toMatchObject({ passing: true });
  });

  it.each<[Locality, Locality, boolean]>([
    ["loopback", "elsewhere", true],
    ["elsewhere", "loopback", true],
    ["loopback", "here", false],
    ["here", "elsewhere", false],
    ["loopback", "loopback", false],
  ])("beside a member at %s refuse one at %s, as these never meet: %s", (member, place, isRefused) => {
    const run = coordinator();
    run.join("own", 0, "own", "loopback");
    run.join("a", 0, "a", member);
    const refused = run.join("b", 0, "b", place).find(({ type }) => type === "refuse");
    expect(refused !== undefined).toBe(isRefused);
    if (!isRefused) return;
    const [near, far] = member === "loopback" ? ["a", "b"] : ["b", "a"];
    const reason = `${near} is an address within one machine, and ${far} is on another machine`;
    expect(refused).toMatchObject({ passing: true, address: true, reason });
  });

  it("refuse who was left out again and again and did no step", () => {
    const run = coordinator({ world: 1 });
    run.join("a");
    run.ready(1, {});
    for (let id = 2; id < 2 + IDLE; id++) {
      run.join("idle");
      run.ready(1, { settled: true });
      run.wait(D);
      expect(run.happen({ type: "tick" })).toContainEqual(
        expect.objectContaining({ type: "end", id, how: "left out" }),
      );
      run.ready(1, { settled: true });
    }
    expect(run.join("idle").find(({ type }) => type === "refuse")).toMatchObject({ passing: true });
  });

  it("end only once all have the last step, and those lost shortly before had time to come back", () => {
    const run = coordinator();
    run.join("a");
    run.join("b");
    run.ready(1, {});
    run.ready(2, {});
    const finished = (effects: readonly CoordinatorEffect[]) =>
      effects.filter((effect) => effect.type === "send" && effect.message.finished).length;
    expect(finished(run.said(1, alive(10)))).toBe(0);
    run.happen({ type: "gone", id: 2, why: "killed" });
    run.ready(1, { step: 10, settled: true });
    run.wait(LINGER * D - 1);
    expect(finished(run.happen({ type: "tick" }))).toBe(0);
    run.wait(1);
    expect(finished(run.happen({ type: "tick" }))).toBe(1);
  });

  it("end only once the last parameters were compared", () => {
    const run = coordinator({ verifies: true });
    run.join("a");
    run.join("b");
    run.ready(1, {});
    run.ready(2, {});
    for (const id of [1, 2]) run.said(id, alive(10));
    run.said(1, { parameters: { step: 10, hash: "x" } });
    expect(run.phase).toBe("settled");
    expect(run.said(2, { parameters: { step: 10, hash: "y" } })).toContainEqual(
      expect.objectContaining({
        message: { differ: { step: 10, text: "node 0 has x, node 1 has y; they were the same after 0 steps" } },
      }),
    );
    expect(run.phase).toBe("settled");
  });
});

describe("a member's rules", () => {
  /** A member in its second view, at step 3. */
  function member() {
    let state = newMember({ coordinates: false, to: 10, fixed: false }, D, 3);
    const happen = (event: MemberEvent, now = 0) => {
      const next = attend(frozen(state), frozen(event), now);
      state = next.state;
      return next.effects;
    };
    happen({ type: "start" });
    const hear = (message: object, now = 0) => happen({ type: "message", attempt: 1, message, hash: "h" }, now);
    return { happen, hear, get state() { return state; } }; // prettier-ignore
  }

  it("give up a call that nobody answers, and a coordinator that is silent, after a deadline", () => {
    const own = member();
    expect(own.happen({ type: "tick" }, D - 1)).toEqual([]);
    expect(own.happen({ type: "tick" }, D)).toContainEqual({ type: "hangUp" });
    const other = member();
    other.hear({ welcome: { runId: "r", id: 2, rank: 1, deadline: D } });
    other.hear({ prepare: { view: 1 } });
    const members = [1, 2].map((id) => ({ id, rank: id - 1, address: "", collectivesPort: 0 }));
    other.hear({ view: { view: 1, step: 3, members, need: "NOTHING", source: 0, entering: false, hash: "h" } });
    expect(other.happen({ type: "tick" }, D - 1).map(({ type }) => type)).toEqual(["send"]);
    const types = other.happen({ type: "tick" }, D).map(({ type }) => type);
    expect(types).toEqual(expect.arrayContaining(["hangUp", "endView", "save"]));
    expect(other.state.ended).toBe(false);
  });

  it("call again only when it is time, and only while they look for a coordinator", () => {
    const own = member();
    own.happen({ type: "ended", attempt: 1, how: "unreachable", why: "refused" }, 5);
    const calls = (now: number) => own.happen({ type: "tick" }, now).filter(({ type }) => type === "call");
    expect(calls(5 + RETRY - 1)).toEqual([]);
    expect(calls(5 + RETRY)).toEqual([{ type: "call", attempt: 2 }]);
    const idle = attend(newMember({ coordinates: false, to: 10, fixed: false }, D, 3), { type: "tick" }, 9 * D);
    expect(idle.effects).toEqual([]);
  });

  it("take news for progress, and say so", () => {
    const own = member();
    own.hear({ welcome: { runId: "r", id: 2, rank: 1, deadline: D } });
    own.happen({ type: "news" });
    own.happen({ type: "news" });
    const [alive] = own.happen({ type: "tick" });
    expect(alive).toMatchObject({ message: { alive: { progress: 2 } } });
  });

  it("take no view that another has followed", () => {
    const own = member();
    own.hear({ welcome: { runId: "r", id: 2, rank: 1, deadline: D } });
    for (const view of [1, 2]) own.hear({ prepare: { view } });
    const members = [1, 2].map((id) => ({ id, rank: id - 1, address: "", collectivesPort: 0 }));
    const view = (view: number) => own.hear({ view: { view, step: 3, members, need: "NOTHING", source: 0, entering: false, hash: "h" } }); // prettier-ignore
    view(1);
    expect(own.state.view).toBeUndefined();
    view(2);
    expect(own.state.view?.view).toBe(2);
  });

  it("end well where the last step is done and nobody is there who needs it, and say so", () => {
    let state = newMember({ coordinates: false, to: 3, fixed: false }, D, 3);
    const happen = (event: MemberEvent, now: number) => {
      const next = attend(state, event, now);
      state = next.state;
      return next.effects;
    };
    happen({ type: "start" }, 0);
    expect(happen({ type: "ended", attempt: 1, how: "unreachable", why: "no answer" }, D)).toEqual([
      { type: "tell", text: "nobody needs the state after the last step: no answer" },
      { type: "finish" },
    ]);
  });

  it("take a turn in hand for progress, for five deadlines", () => {
    const own = member();
    own.hear({ welcome: { runId: "r", id: 2, rank: 1, deadline: D } });
    own.happen({ type: "turn" }, 0);
    const progress = (now: number) => {
      own.hear({ alive: {} }, now);
      own.happen({ type: "tick" }, now);
      return own.state.progress;
    };
    const before = progress(1);
    expect(progress(4 * D)).toBe(before + 1);
    expect(progress(5 * D)).toBe(before + 1);
  });
});
