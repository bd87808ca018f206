/** A coordinator's rules on a test's own time. */
import { coordinate } from "../../src/exchange/coordinator-rules.ts";
import {
  newCoordinator,
  type CoordinatorEffect,
  type CoordinatorEvent,
  type CoordinatorRules,
} from "../../src/exchange/coordinator-state.ts";

/** An event or a state that rules are given: they may change nothing of it. */
export function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
}

/** ms of the run's deadline. */
export const D = 1000;

/** The rules as a machine: events go in, effects come out, and time passes when told. */
export function coordinatorMachine(over: Partial<CoordinatorRules>) {
  const rules = { runId: "run", shards: 3, world: 2, fixed: false, deadline: D, to: 10, finished: false };
  let state = newCoordinator({ ...rules, mixed: false, verifies: false, ...over });
  let now = 0;
  return {
    happen(event: CoordinatorEvent): readonly CoordinatorEffect[] {
      const next = coordinate(state, frozen(event), now);
      state = frozen(next.state);
      return next.effects;
    },
    wait: (ms: number) => (now += ms),
    get state() {
      return state;
    },
  };
}
