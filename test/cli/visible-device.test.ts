import { describe, expect, it } from "vitest";
import { deviceFor, pinDevice } from "../../src/cli/visible-device.ts";

describe("deviceFor", () => {
  it.each([
    ["all GPUs", 3, undefined, "3"],
    ["a choice of GPUs", 1, "4,6,7", "6"],
    ["GPUs by their UUID", 1, "GPU-aa, MIG-bb", "MIG-bb"],
    ["the one that the launcher gave", 3, "0", "0"],
    ["no GPU", 3, "", ""],
    ["no GPU, by the habit of frameworks", 1, "-1", "-1"],
  ])("%s", (_name, localRank, visible, device) => expect(deviceFor(localRank, visible)).toBe(device));

  it("refuses more processes than GPUs", () => {
    expect(() => deviceFor(2, "0,1")).toThrow("CUDA_VISIBLE_DEVICES=0,1 has no GPU for local rank 2");
  });
});

describe("pinDevice", () => {
  it("leaves a process of a launcher its GPU, and others as they are", () => {
    const launched: NodeJS.ProcessEnv = {
      RANK: "1",
      WORLD_SIZE: "2",
      LOCAL_RANK: "1",
      MASTER_ADDR: "a",
      MASTER_PORT: "1",
    };
    pinDevice(launched);
    expect(launched["CUDA_VISIBLE_DEVICES"]).toBe("1");
    const alone: NodeJS.ProcessEnv = {};
    pinDevice(alone);
    expect(alone).toEqual({});
  });
});
