import { expect, it } from "vitest";
import type { FlightClient } from "../../../src/grpc/flight/client.ts";
import { wantedPaths } from "../../../src/grpc/flight/wanted-paths.ts";

/** A client of a server that lists these data sets. */
const listing = (...paths: string[][]) =>
  ({ list: async () => paths.map((path) => ({ flightDescriptor: { path } })) }) as unknown as FlightClient;
const from = "server:1";

it("gives the splits that are wanted", async () => {
  const client = listing(["made", "train"], ["made", "test"]);
  expect(await wantedPaths(client, { from })).toEqual([
    ["made", "train"],
    ["made", "test"],
  ]);
  expect(await wantedPaths(client, { from, splits: ["test"] })).toEqual([["made", "test"]]);
  await expect(wantedPaths(client, { from, splits: ["val"] })).rejects.toThrow(/no split val/);
});

// Names of a server become names of folders, which must not lie elsewhere.
it.each([
  ["../../escaped", "train"],
  ["/tmp/escaped", "train"],
  ["..", "train"],
  ["made", "../train"],
  ["made", "train", "more"],
])("refuses names that lead elsewhere: %j", async (...path) => {
  await expect(wantedPaths(listing(path), { from })).rejects.toThrow(/^--from server:1: it has /);
});
