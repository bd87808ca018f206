/** What the coordinator makes of answers, complaints and hashes: which count, and which are of another time. */
import { describe, expect, it } from "vitest";
import type { CoordinatorEffect, CoordinatorRules } from "../../src/exchange/coordinator-state.ts";
import { ENTERING, HEARING, IDLE } from "../../src/exchange/limits.ts";
import type { MemberMessage, Ready, Suspect } from "../../src/exchange/messages.ts";
import { coordinatorMachine, D } from "./coordinator-fixture.ts";

/** A coordinator with `world` members, all of whom have entered a view with the state of step 0. */
function settled(world: number, over: Partial<CoordinatorRules> = {}) {
  const machine = coordinatorMachine({ shards: 8, world, ...over });
  const { happen } = machine;
  const join = (node: string) =>
    happen({ type: "join", arrival: { address: node, rank: 0, collectivesPort: 0, node, incarnation: node } });
  const said = (id: number, message: MemberMessage) => happen({ type: "said", id, message });
  const ready = (id: number, answer: Partial<Ready> = {}) =>
    said(id, { ready: { view: machine.state.view, step: 0, settled: false, hash: "h", hasSum: false, ...answer } });
  for (let id = 1; id <= world; id++) join(`node ${id}`);
  for (let id = 1; id <= world; id++) ready(id);
  return {
    ...{ happen, join, said, ready, wait: machine.wait },
    suspect: (by: number, id: number, about: Partial<Suspect> = {}) =>
      said(by, { suspect: { view: machine.state.view, id, reason: "why", silent: true, patience: 0, ...about } }),
    /** Lets time pass. @returns The ids of those who are let go. */
    tick(ms: number) {
      machine.wait(ms);
      return happen({ type: "tick" }).flatMap((effect) => (effect.type === "end" ? [effect.id] : []));
    },
    get view() {
      return machine.state.view;
    },
    get phase() {
      return machine.state.phase;
    },
  };
}

const alive = (step: number, progress = step): MemberMessage => ({ alive: { progress, step, waitsFor: [] } });
const messages = (effects: readonly CoordinatorEffect[]) =>
  effects.flatMap((effect) => (effect.type === "send" ? [effect.message] : []));
const prepared = (effects: readonly CoordinatorEffect[]) => messages(effects).filter(({ prepare }) => prepare).length;
const told = (effects: readonly CoordinatorEffect[]) =>
  effects.flatMap((effect) => (effect.type === "tell" ? [effect.text] : []));
const needs = (effects: readonly CoordinatorEffect[]) =>
  messages(effects).flatMap(({ view }) => (view ? [view.need] : []));

describe("an answer", () => {
  it("counts for the view that was asked about, not for a later one", () => {
    const run = settled(2);
    run.join("newcomer");
    const old = run.view;
    run.join("another");
    for (const id of [1, 2, 3]) expect(needs(run.ready(id, { view: old }))).toEqual([]);
    expect(needs(run.ready(4))).toEqual([]);
    expect(run.phase).toBe("preparing");
    for (const id of [1, 2]) run.ready(id, { settled: true });
    expect(needs(run.ready(3))).toEqual(["NOTHING", "NOTHING", "NOTHING", "NOTHING"]);
  });

  it("of a member a step behind gets it the sum, and of a newcomer the state", () => {
    const run = settled(2);
    run.join("newcomer");
    run.ready(1, { step: 4, settled: true, hash: "of 4", hasSum: true });
    run.ready(2, { step: 3, settled: true, hash: "of 3" });
    expect(needs(run.ready(3, { step: 3, hash: "another run's" }))).toEqual(["NOTHING", "SUM", "STATE"]);
  });
});

describe("a complaint", () => {
  it("counts in the view that it is about", () => {
    const run = settled(3);
    run.suspect(2, 3, { view: run.view - 1, silent: false });
    expect(run.tick(HEARING)).toEqual([]);
    run.suspect(2, 3, { silent: false });
    expect(run.tick(HEARING)).toHaveLength(1);
  });

  it("of silence leaves a member the patience that its accuser had", () => {
    const run = settled(3);
    run.suspect(2, 3, { patience: 3 * D });
    expect(run.tick(3 * D - 1)).toEqual([]);
    expect(run.tick(1)).toEqual([3]);
  });
});

describe("a complaint of one", () => {
  it("that has got on since counts no more", () => {
    const run = settled(3);
    run.suspect(2, 3, { silent: false });
    run.wait(1);
    run.said(2, alive(1));
    expect(run.tick(HEARING)).toEqual([]);
    run.suspect(2, 3, { silent: false });
    expect(run.tick(HEARING)).toHaveLength(1);
  });

  it("about a member that is none is nobody's fault", () => {
    const run = settled(3);
    run.suspect(2, 99, { silent: false });
    run.suspect(3, 99);
    expect(run.tick(HEARING)).toEqual([]);
    expect(run.tick(2 * D)).toEqual([]);
  });

  it("about the first node, which cannot go, lets all others go", () => {
    const run = settled(3);
    run.suspect(2, 1);
    expect(run.tick(ENTERING * D - 1)).toEqual([]);
    run.wait(1);
    const ends = run.happen({ type: "tick" }).filter(({ type }) => type === "end");
    const end = { type: "end", reason: "node 0 does not get on", how: "closed" };
    expect(ends).toEqual([2, 3].map((id) => ({ ...end, id })));
  });
});

describe("a node that comes", () => {
  it("is told to the others' people by its rank and address, but for the first", () => {
    const machine = coordinatorMachine({ world: 3 });
    const join = (address: string) =>
      told(machine.happen({ type: "join", arrival: { address, rank: 0, collectivesPort: 0, node: "", incarnation: "" } })); // prettier-ignore
    expect(join("a")).toEqual(["1 of 3 nodes are here; waiting for the others"]);
    expect(join("b")).toEqual(["node 1 has joined from b", "2 of 3 nodes are here; waiting for the others"]);
    expect(join("c")).toEqual(["node 2 has joined from c"]);
  });

  it("with a rank that another has is refused for now, with that one's address", () => {
    const run = settled(2);
    const arrival = { address: "late", rank: 1, collectivesPort: 0, node: "late", incarnation: "late" };
    const reason = "rank 1 is taken by node 2";
    expect(run.happen({ type: "join", arrival })).toEqual([{ type: "refuse", reason, passing: true }]);
  });
});

describe("a node that comes back once the run is over", () => {
  it("is refused for now, and nobody is asked for another view", () => {
    const run = settled(2);
    for (const id of [1, 2]) run.said(id, alive(10));
    const effects = run.join("node 2");
    expect(effects).toContainEqual({ type: "refuse", reason: "the run has ended", passing: true });
    expect(prepared(effects)).toBe(0);
    expect(run.phase).toBe("over");
  });
});

describe("a node that goes", () => {
  it("begins no view before the run has begun", () => {
    const machine = coordinatorMachine({ world: 3 });
    for (const node of ["a", "b"])
      machine.happen({
        type: "join",
        arrival: { address: node, rank: 0, collectivesPort: 0, node, incarnation: node },
      });
    expect(prepared(machine.happen({ type: "gone", id: 2, why: "killed" }))).toBe(0);
    expect(machine.state.phase).toBe("gathering");
  });

  it("begins no view once the run is over, nor where nobody is left", () => {
    const run = settled(2);
    for (const id of [1, 2]) run.said(id, alive(10));
    expect(run.phase).toBe("over");
    expect(prepared(run.happen({ type: "gone", id: 2, why: "done" }))).toBe(0);
    expect(run.phase).toBe("over");
    const last = settled(1);
    last.happen({ type: "gone", id: 1, why: "done" });
    expect(last.phase).toBe("settled");
  });

  it("by itself may come again as often as it likes", () => {
    const run = settled(1);
    for (let id = 2; id <= 3 + IDLE; id++) {
      expect(run.join("restless")).toContainEqual({ type: "admit", id });
      run.ready(1, { settled: true });
      run.ready(id);
      run.happen({ type: "gone", id, why: "killed" });
      run.ready(1, { settled: true });
    }
  });
});

describe("a sign of life", () => {
  it("keeps a member, though it makes no progress", () => {
    const run = settled(2);
    run.tick(ENTERING * D);
    run.said(2, alive(0));
    expect(run.tick(ENTERING * D)).toEqual([]);
    expect(run.tick(1)).toEqual([2]);
  });

  it.each([
    { step: 0, admitted: false },
    { step: 1, admitted: true },
  ])("of a node at step $step is a step done: $admitted", ({ step, admitted }) => {
    const run = settled(1);
    let refused = false;
    for (let id = 2; id <= 2 + IDLE; id++) {
      refused = run.join("idle").some(({ type }) => type === "refuse");
      if (refused) break;
      run.ready(1, { settled: true });
      run.ready(id);
      run.said(id, alive(step));
      expect(run.tick(ENTERING * D + 1)).toEqual([id]);
      run.ready(1, { settled: true });
    }
    expect(refused).toBe(!admitted);
  });
});

describe("the hash of a state", () => {
  it("that was compared while a node was away is told to that node, which may wait for it", () => {
    const run = settled(2, { verifies: true });
    for (const id of [1, 2]) run.said(id, { parameters: { step: 4, hash: "x" } });
    run.happen({ type: "gone", id: 2, why: "killed" });
    run.ready(1, { step: 4, settled: true });
    run.join("node 2");
    run.ready(1, { step: 4, settled: true });
    const effects = run.ready(3, { step: 4 });
    expect(needs(effects)).toEqual(["NOTHING", "NOTHING"]);
    const toldTo = effects.flatMap((effect) => (effect.type === "send" && effect.message.verified ? [[effect.id, effect.message.verified.step]] : [])); // prettier-ignore
    expect(toldTo).toEqual([[3, 4]]);
  });

  it("is forgotten with the state, when a node that computes otherwise takes over another's", () => {
    const run = settled(2, { verifies: true, mixed: true });
    for (const id of [1, 2]) run.said(id, alive(4));
    run.said(1, { parameters: { step: 4, hash: "x" } });
    run.said(2, { parameters: { step: 4, hash: "y" } });
    expect(run.phase).toBe("preparing");
    run.ready(1, { step: 4, settled: true, hash: "x" });
    const effects = run.ready(2, { step: 4, settled: true, hash: "y" });
    expect(needs(effects)).toEqual(["NOTHING", "STATE"]);
    expect(messages(effects)).toContainEqual({ verified: { step: 4 } });
    expect(run.phase).toBe("settled");
  });
});
