import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseSafetensors, writeSafetensors } from "../../../src/data/formats/safetensors.ts";
import {
  openSafetensorsCheckpoint,
  saveSafetensorsCheckpoint,
} from "../../../src/training/checkpoints/safetensors-checkpoint.ts";
import { storedCheckpoint, temporaryFile } from "./checkpoint-fixture.ts";

async function saved(config?: unknown) {
  const path = temporaryFile("checkpoint.safetensors");
  await saveSafetensorsCheckpoint(path, storedCheckpoint(config));
  return { path, ...parseSafetensors(readFileSync(path), path) };
}

describe("a checkpoint as safetensors", () => {
  it("has the format, the step and the configuration as metadata", async () => {
    const format = { format: "scorestream-state-1", step: "7" };
    expect((await saved()).metadata).toEqual(format);
    expect((await saved({ seed: 1 })).metadata).toEqual({ ...format, config: '{"seed":1}' });
  });

  it("has the parameters under params", async () => {
    const names = [...(await saved()).tensors.keys()].filter((name) => name.endsWith("Conv_0/bias"));
    expect(names.sort()).toEqual(["params/Conv_0/bias", "params_ema/Conv_0/bias"]);
  });

  it("is refused where its parameters are under both names", async () => {
    const { path, tensors, metadata } = await saved();
    const twice = new Map([...tensors, ["optimizer/target/Conv_0/bias", tensors.get("params/Conv_0/bias")!] as const]);
    await writeSafetensors(path, { tensors: twice, metadata });
    expect(() => openSafetensorsCheckpoint(path)).toThrow('is damaged: it has "params/" and "optimizer/target/"');
  });
});
