import { describe, expect, it } from "vitest";
import {
  elsewhere,
  isStageMetric,
  stagesIn,
  stagesOfPhase,
  withExchange,
} from "../../../src/monitor/web/page/pipeline-graph.ts";

const graph = (values: Readonly<Record<string, number>>) => {
  const last = (name: string) => values[name];
  return withExchange(stagesIn(Object.keys(values), last), last);
};
const stages = {
  ...{ "stage/score/batches_per_second": 4, "stage/score/seconds": 0.1, "stage/score/queue": 1 },
  ...{ "stage/adam/batches_per_second": 2, "stage/adam/seconds": 0.05 },
};
const exchange = { "exchange/seconds": 0.2, "exchange/bytes": 1000, "exchange/share": 0.5 };
const parts = { "exchange/waiting": 0.14, "exchange/adding": 0.02, "exchange/sending": 0.04 };

describe("the exchange in the graph", () => {
  it("is three stages behind the gradients, each with its part of the time", () => {
    const all = graph({ ...stages, ...exchange, ...parts, "exchange/rank": 1 });
    expect(all.map(({ name }) => name)).toEqual(["score", "waiting", "adding", "sending", "adam"]);
    expect(all.map(({ busy }) => Number(busy.toFixed(6)))).toEqual([0.4, 0.35, 0.05, 0.1, 0.1]);
    expect(all.slice(1, 4).map(({ rate, seconds }) => [rate, seconds])).toEqual([[2.5, 0.14], [2.5, 0.02], [2.5, 0.04]]); // prettier-ignore
    expect(all.map(({ rank }) => rank)).toEqual([undefined, 1, undefined, undefined, undefined]);
    expect(all.map(({ bytesPerSecond }) => bytesPerSecond)).toEqual([undefined, undefined, undefined, 5000, undefined]);
  });

  it("is behind a round of local steps, and one stage where it tells no parts", () => {
    const all = graph({ ...stages, ...exchange, "exchange/round": 3 });
    expect(all.map(({ name }) => name)).toEqual(["score", "adam", "exchange"]);
    expect(all.at(-1)).toMatchObject({ seconds: 0.2, busy: 0.5, bytesPerSecond: 5000 });
  });

  it("is not there for a run in one process, and has no share before it is told one", () => {
    expect(graph(stages).map(({ name }) => name)).toEqual(["score", "adam"]);
    const { "exchange/share": _share, ...early } = exchange;
    expect(graph({ ...stages, ...early, ...parts })[1]).toMatchObject({ name: "waiting", busy: 0, rate: undefined });
  });
});

describe("time that no stage explains", () => {
  const busy = (...parts: number[]) =>
    parts.map((each) => ({ name: "a", rate: 1, queue: 0, seconds: each, busy: each }));

  it("has a box of its own", () => {
    expect(elsewhere(busy(0.5, 0.25), 2)).toEqual({ name: "elsewhere", rate: undefined, queue: undefined, seconds: 0.5, busy: 0.25 }); // prettier-ignore
  });

  it("has none when it is next to nothing, where stages overlap, and before a step is measured", () => {
    expect(elsewhere(busy(0.5, 0.49), 2)).toBeUndefined();
    expect(elsewhere(busy(0.9, 0.9), 2)).toBeUndefined();
    expect(elsewhere(busy(0.1), undefined)).toBeUndefined();
  });
});

describe("stages of an evaluation", () => {
  const values = { ...stages, "eval_stage/bpd/likelihood/seconds": 3, "eval_stage/bpd/likelihood/batches_per_second": 0.25, "eval_stage/bound/bound/seconds": 1 }; // prettier-ignore
  const during = (phase: string | undefined) => stagesIn(Object.keys(values), (name) => (values as Record<string, number>)[name], stagesOfPhase(phase)); // prettier-ignore

  it("are those of the evaluation that is under way, and of the training else", () => {
    expect(during("evaluating_likelihood")).toEqual([{ name: "likelihood", rate: 0.25, queue: undefined, seconds: 3, busy: 0.75 }]); // prettier-ignore
    expect(during("evaluating_bound").map(({ name }) => name)).toEqual(["bound"]);
    expect(during("training").map(({ name }) => name)).toEqual(["score", "adam"]);
    expect(during(undefined).map(({ name }) => name)).toEqual(["score", "adam"]);
    expect(Object.keys(values).every(isStageMetric)).toBe(true);
  });
});
