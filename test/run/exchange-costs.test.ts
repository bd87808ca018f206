import { describe, expect, it } from "vitest";
import type { ExchangeCost } from "../../src/grpc/exchange/node-options.ts";
import type { RunEvent } from "../../src/metrics/run-event.ts";
import { exchangeCosts } from "../../src/run/exchange-costs.ts";

/** Events of exchanges of so many seconds, each after so many of computing. */
function told(
  every: number | undefined,
  computing: number,
  exchanging: number,
  rounds: number,
  more: (step: number) => Partial<ExchangeCost> = () => ({}),
) {
  const events: RunEvent[] = [];
  let time = 0;
  const take = exchangeCosts({ logEvery: 4, steps: 100, every, tell: (event) => events.push(event), now: () => time });
  for (let step = 0; step < rounds; step++) {
    // The first one compiles.
    time += 1000 * ((step === 0 ? 50 : computing) + exchanging);
    take({ step, seconds: exchanging, bytes: 10 + step, rank: 1, nodes: 3, ...more(step) });
  }
  const texts = events.flatMap((event) => (event.type === "message" ? [event.text] : []));
  const all = events.flatMap((event) => (event.type === "metric" ? [[event.name, event.step, event.value] as const] : [])); // prettier-ignore
  const place = all.filter(([name]) => /rank|nodes/.test(name));
  return { texts, metrics: all.filter((each) => !place.includes(each)), place };
}

describe("exchangeCosts", () => {
  it("tells means since the last metrics, and the part of the time that exchanges take", () => {
    expect(told(undefined, 3, 1, 8).metrics).toEqual([
      ["exchange/seconds", 4, 1],
      ["exchange/bytes", 4, 11.5],
      ["exchange/seconds", 8, 1],
      ["exchange/bytes", 8, 15.5],
      ["exchange/share", 8, 0.25],
    ]);
  });

  it("tells of rounds by their last step", () => {
    expect(told(3, 9, 3, 3).metrics).toEqual([
      ["exchange/seconds", 6, 3],
      ["exchange/bytes", 6, 10.5],
      ["exchange/round", 6, 2],
      ["exchange/seconds", 9, 3],
      ["exchange/bytes", 9, 12],
      ["exchange/share", 9, 0.25],
      ["exchange/round", 9, 3],
    ]);
  });

  it("tells the parts of an exchange, as means over those that have them, and the node's place", () => {
    const parts = (step: number) => (step === 2 ? {} : { times: { waiting: step, adding: 0.5, sending: 2 * step } });
    const { metrics, place } = told(undefined, 3, 1, 8, parts);
    expect(metrics.filter(([name]) => /waiting|adding|sending/.test(name))).toEqual([
      ["exchange/waiting", 4, 4 / 3],
      ["exchange/adding", 4, 0.5],
      ["exchange/sending", 4, 8 / 3],
      ["exchange/waiting", 8, 5.5],
      ["exchange/adding", 8, 0.5],
      ["exchange/sending", 8, 11],
    ]);
    expect(place).toEqual([["exchange/rank", 4, 1], ["exchange/nodes", 4, 3], ["exchange/rank", 8, 1], ["exchange/nodes", 8, 3]]); // prettier-ignore
  });

  it("estimates what rounds cost after the second one", () => {
    const text =
      "a step takes 0.33 s, an exchange 1.9 s: with exchange.every=50 nodes spend 10 % of the time on exchanges";
    expect(told(50, 16.5, 1.9, 1).texts).toEqual([]);
    expect(told(50, 16.5, 1.9, 4).texts).toEqual([text]);
  });

  it("warns once where the exchange of every step takes longer than the step, with the setting that mends it", () => {
    expect(told(undefined, 0.33, 1.9, 10).texts).toEqual([]);
    const { texts } = told(undefined, 0.33, 1.9, 30);
    expect(texts).toHaveLength(1);
    expect(texts[0]).toMatch(
      /^warning: a step takes 0\.33 s, an exchange 1\.9 s: nodes spend 85 % .*exchange\.mode=local/,
    );
    expect(told(undefined, 2, 1.9, 30).texts).toEqual([]);
  });
});
