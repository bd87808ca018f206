import { expect, it } from "vitest";
import { tryUntil } from "../../lab/torture/kills/try-until.ts";

it("a kill that came too late is made again, until as many as wanted came in time", async () => {
  const made: number[] = [];
  const { tries, lost } = await tryUntil(25, (number) => {
    made.push(number);
    return Promise.resolve(number % 2 === 0 ? "too late" : number === 7 ? "a metric" : undefined);
  });
  expect([tries, lost, made.length]).toEqual([25, ["a metric"], 50]);
});

it("kills that come too late again and again are told", async () => {
  const { tries, lost } = await tryUntil(4, (number) => Promise.resolve(number < 3 ? undefined : "too late"));
  expect([tries, lost]).toEqual([3, ["3 of 4 faults came in time"]]);
});
