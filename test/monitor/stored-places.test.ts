import { expect, it } from "vitest";
import { StoredPlaces } from "../../src/monitor/stored-places.ts";

it("has what was added, in any order, and nothing else", () => {
  const places = new StoredPlaces();
  const added = [5, 1, 2, 9, 8, 3, 3, 12, 4, 7];
  for (const place of added) places.add(place);
  const all = Array.from({ length: 16 }, (_, place) => place);
  expect(all.filter((place) => places.has(place))).toEqual([1, 2, 3, 4, 5, 7, 8, 9, 12]);
  expect(places.last).toBe(12);
  places.add(6);
  expect(all.filter((place) => !places.has(place))).toEqual([0, 10, 11, 13, 14, 15]);
});

it("keeps a bounded number of ranges: of more, the oldest count as one", () => {
  const places = new StoredPlaces();
  for (let i = 1; i <= 10_001; i++) places.add(2 * i);
  expect([3, 5, 20_001].map((place) => places.has(place))).toEqual([true, false, false]);
  expect(places.last).toBe(20_002);
});
