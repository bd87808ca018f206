import { describe, expect, it } from "vitest";
import { planOf, simulate, type Plan } from "../../lab/exchange-simulation/simulate.ts";

/** Three nodes of a second's deadline, and what happens to them. */
const plan = (faults: Plan["faults"], setup: Partial<Plan["setup"]> = {}): Plan => ({
  ...{ nodes: 3, delay: 5, faultsUntil: 12_000, faults },
  setup: { seed: 1, to: 12, shards: 4, world: 3, deadline: 1000, shardTime: 300, saveEvery: 2, ...setup },
});

/** Runs it, and expects everything to hold and something to be told. */
function expectTold(what: RegExp, faults: Plan["faults"], setup?: Partial<Plan["setup"]>) {
  const { broken, log } = simulate(1, plan(faults, setup));
  expect(broken, log.join("\n")).toBeUndefined();
  expect(log.join("\n")).toMatch(what);
}

const kill = { kind: "kill", silent: false, workdir: "same", restart: 300 } as const;

describe("simulated nodes", () => {
  it("hold what the protocol promises, whatever happens", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const { broken, log } = simulate(seed);
      expect(broken, `seed ${seed} ${JSON.stringify(planOf(seed))}\n${log.join("\n")}`).toBeUndefined();
    }
  });

  it("replay from their seed", () => {
    expect(simulate(7).log).toEqual(simulate(7).log);
  });

  it("keep what they have when the first one freezes, and look for it", () => {
    expectTold(/n1: the coordinator cannot be reached: it was silent for .*looking for it/, [
      { at: 3000, kind: "freeze", host: 0, ms: 9000 },
    ]);
  });

  it("take the place of their old selves that nobody has missed yet", () => {
    expectTold(/has come back before it was missed/, [{ ...kill, at: 2000, host: 1, silent: true, restart: 10 }]);
  });

  it("go on with a first node that comes back", () => {
    expectTold(/n0: starts with step [1-9]/, [{ ...kill, at: 3500, host: 0, restart: 1500 }]);
  });

  it("take over a state that is older than the own", () => {
    expectTold(/n2: starts with step [5-9]/, [{ ...kill, at: 3500, host: 2, workdir: "newer" }]);
  });

  it("leave out who is there and does nothing", () => {
    expectTold(/is left out: it was silent beyond/, [{ at: 2000, kind: "idle", host: 2, ms: 9000 }]);
  });

  it("stop all where one comes to other numbers, save none of it, and begin again from what was the same", () => {
    const setup = { drifts: true, saveEvery: 1 };
    expectTold(/n1: exits with 1: .*node 0 has .*, node 1 has /, [{ at: 2500, kind: "drift", host: 1 }], setup);
  });

  it("leave out nobody whose checkpoints take longer than a deadline", () => {
    const { broken, log } = simulate(1, plan([{ at: 2500, kind: "pause", host: 1, ms: 3500 }]));
    expect(broken, log.join("\n")).toBeUndefined();
    expect(log.join("\n")).not.toMatch(/left out/);
  });

  it("go on without the first one when it is told to stop and comes back; nobody else ends", () => {
    const { broken, log } = simulate(1, plan([{ at: 3000, kind: "stop", host: 0 }]));
    expect(broken, log.join("\n")).toBeUndefined();
    expect(log.filter((line) => /exits with [12]:/.test(line))).toEqual([]);
    expect(log.join("\n")).toMatch(/n0: exits with 143/);
  });

  it.each([149, 190, 249, 257])("send again what was lost with its connection: seed %i", (seed) => {
    const { broken, log } = simulate(seed);
    expect(broken, log.join("\n")).toBeUndefined();
  });

  it("fetch nothing at the start, since all have the same", () => {
    expect(simulate(1, plan([])).log.join("\n")).not.toMatch(/fetches/);
  });
});
