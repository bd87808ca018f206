import { describe, expect, it } from "vitest";
import { DamagedCheckpointError } from "../../../src/training/checkpoints/checkpoint.ts";
import { fieldOptions, parseConfig } from "../../../src/training/checkpoints/stored-config.ts";

describe("the settings that the reference keeps", () => {
  it("are in three places of a configuration", () => {
    const config = { optim: { lr: 1e-3, beta1: 0.9 }, model: { emaRate: 0.5 }, seed: 9, steps: 100 };
    expect(fieldOptions(config)).toStrictEqual({ lr: 1e-3, emaRate: 0.5, seed: 9 });
  });

  it.each([
    ["not there", { optim: {} }],
    ["no numbers", { optim: { lr: "0.001" }, model: { emaRate: null }, seed: [9] }],
    ["not finite", { optim: { lr: NaN }, model: { emaRate: Infinity } }],
    ["not in an object", { optim: 3, model: [1], seed: {} }],
  ])("are left out where they are %s", (_, config) => {
    expect(fieldOptions(config)).toStrictEqual({});
  });

  it.each([undefined, null, 3, "text"])("are left out of %s", (config) => {
    expect(fieldOptions(config)).toStrictEqual({});
  });
});

it.each(["", "{", "[]", "null", "3"])("a configuration of %j is refused", (text) => {
  expect(() => parseConfig("a.arrow", text)).toThrow(DamagedCheckpointError);
  expect(() => parseConfig("a.arrow", text)).toThrow("a.arrow is damaged: its configuration is not a JSON object");
});
