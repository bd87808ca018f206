/** Mean and band over runs that have one value of a setting. */
import { expect, it } from "vitest";
import { groupsBy, meanBand } from "../../../src/monitor/web/page/groups.ts";
import { differing } from "../../../src/monitor/web/page/settings.ts";
import type { NodeRecord } from "../../../src/monitor/web/page/store.ts";

const node = (run: string, name = "n") => ({ run, node: name }) as NodeRecord;

it("runs of one value are a group, those of unknown settings too", () => {
  const config = (lr: number, seed: number) => ({ optim: { lr }, training: { seed } });
  const settings = differing(new Map([["a", config(1, 1)], ["b", config(2, 2)], ["c", config(1, 3)]])); // prettier-ignore
  const nodes = [node("a"), node("a", "m"), node("b"), node("c"), node("d")];
  const groups = groupsBy("optim.lr", nodes, settings);
  expect(groups.map(({ label, nodes: members }) => [label, members.map(({ run }) => run).join("")])).toEqual([
    ["lr=1 (2 runs)", "aac"],
    ["lr=2 (1 run)", "b"],
    ["lr=unknown (1 run)", "d"],
  ]);
});

it("a mean is over the runs that reach a place, also between their points; the band is their smallest and largest", () => {
  const { mean, low, high } = meanBand([
    { x: [0, 10, 20], y: [0, 10, 20] },
    { x: [0, 4, 10], y: [4, 4, 4] },
  ]);
  expect(mean).toEqual({ x: [0, 4, 10, 20], y: [2, 4, 7, 20] });
  expect([low.y, high.y]).toEqual([
    [0, 4, 4, 20],
    [4, 4, 10, 20],
  ]);
});

it("a run counts for no place before its start", () => {
  expect(meanBand([{ x: [0, 2], y: [0, 0] }, { x: [1, 2], y: [4, 6] }]).mean.y).toEqual([0, 2, 3]); // prettier-ignore
});

it("a gap of one run is left to the others, and very many places are thinned", () => {
  const { mean } = meanBand([{ x: [0, 1, 2], y: [1, NaN, 3] }, { x: [0, 1, 2], y: [3, 5, 5] }]); // prettier-ignore
  expect(mean.y).toEqual([2, 5, 4]);
  expect(meanBand([{ x: [0, 1], y: [NaN, 1] }]).mean.y).toEqual([NaN, 1]);
  const long = Array.from({ length: 5001 }, (_, i) => i);
  const thinned = meanBand([{ x: long, y: long }]).mean;
  expect([thinned.x.length <= 2001, thinned.x.at(-1), thinned.y.at(-1)]).toEqual([true, 5000, 5000]);
});
