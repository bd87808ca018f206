import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { NpyArray } from "../../../src/data/formats/npy.ts";
import { readNpz } from "../../../src/data/formats/npz.ts";
import { readSafetensors, writeSafetensors, type Safetensor } from "../../../src/data/formats/safetensors.ts";
import { UsageError } from "../../../src/base/errors.ts";
import { loadInception } from "../../../src/quality/inception/inception.ts";
import { largestError } from "../../support/numbers.ts";
import { expectNoLeak } from "../../support/tensors.ts";
import { loadSmall, numpyInception } from "./fixture.ts";

describe("the Inception network of pytorch-fid's weights", () => {
  let folder: string;
  let weights: string;
  let images: Uint8Array;
  let expected: ReadonlyMap<string, NpyArray>;
  const shape = [17, 32, 3];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "scorestream-inception-"));
    numpyInception(folder);
    weights = join(folder, "weights.safetensors");
    expected = await readNpz(join(folder, "expected.npz"));
    images = expected.get("images")!.data as Uint8Array;
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const values = (name: string) => expected.get(name)!.data as Float64Array;

  it.each([true, false])("says of images what NumPy computes (as a graph: %s)", async (compiled) => {
    await expectNoLeak(() => {
      const network = loadSmall(weights, compiled);
      expect([network.dims, network.classes, network.name]).toEqual([128, 10, "weights.safetensors"]);
      expect(network.digest).toMatch(/^[0-9a-f]{64}$/);
      // The second call runs the recorded graph.
      for (let call = 0; call < 2; call++) {
        const { pool3, logits } = network.features(images, shape);
        expect(largestError(pool3, values("pool_3"), 0.1)).toBeLessThan(1e-5);
        expect(largestError(logits, values("logits"), 0.1)).toBeLessThan(1e-4);
      }
      network.dispose();
    });
  });

  it("takes floats as bytes, images one by one as together, and grey as three equal channels", () => {
    const network = loadSmall(weights);
    const all = network.features(images, shape);
    expect(network.features(Float32Array.from(images), shape)).toEqual(all);
    const one = network.features(images.subarray(0, 17 * 32 * 3), shape);
    expect(largestError(one.pool3, all.pool3.subarray(0, 128))).toBeLessThan(1e-5);
    const grey = images.subarray(0, 17 * 32);
    const colour = Uint8Array.from({ length: 3 * grey.length }, (_, i) => grey[Math.floor(i / 3)]!);
    expect(network.features(grey, [17, 32, 1])).toEqual(network.features(colour, shape));
    network.dispose();
  });

  it("refuses what are no images", () => {
    const network = loadSmall(weights);
    expect(() => network.features(images, [17, 32, 4])).toThrow(/no images \[17,32,4\] of 1 or 3 channels/);
    expect(() => network.features(images.subarray(1), shape)).toThrow(RangeError);
    expect(() => network.features(new Uint8Array(0), shape)).toThrow(RangeError);
    expect(() => network.features(Float32Array.of(1, 2, 256), [1, 1, 3])).toThrow("a value is 256, not in [0, 255]");
    expect(() => network.features(Float32Array.of(1, 2, NaN), [1, 1, 3])).toThrow(/NaN/);
    network.dispose();
  });

  const zeros = (...size: number[]): Safetensor => ({
    dtype: "F32",
    shape: size,
    data: new Float32Array(size.reduce((a, b) => a * b, 1)),
  });
  it.each<[string, string, Safetensor | undefined, string]>([
    ["missing", "Mixed_6c.branch7x7_2.bn.running_var", undefined, "of shape [10] is missing"],
    ["missing last", "fc.weight", undefined, "of shape [any, 128] is missing"],
    ["of other channels", "Mixed_5b.branch5x5_2.conv.weight", zeros(4, 4, 5, 5), "expected F32 [any, 3, 5, 5]"],
    ["of another kernel", "Mixed_6b.branch7x7_2.conv.weight", zeros(8, 8, 7, 1), "expected F32 [any, 8, 1, 7]"],
    [
      "of torchvision's own",
      "AuxLogits.fc.weight",
      zeros(10, 12),
      "does not belong to the FID's Inception: this is another network",
    ],
    ["of integers", "fc.weight", { dtype: "I32", shape: [10, 128], data: new Int32Array(1280) }, "is I32 [10, 128]"],
  ])("names a tensor that is %s", async (_, name, tensor, reason) => {
    const { tensors, metadata } = await readSafetensors(weights);
    const changed = new Map(tensors);
    if (tensor) changed.set(name, tensor);
    else changed.delete(name);
    const path = join(folder, "changed.safetensors");
    await writeSafetensors(path, { tensors: changed, metadata });
    expect(() => loadSmall(path)).toThrow(UsageError);
    expect(() => loadSmall(path)).toThrow(`tensor "${name}"`);
    expect(() => loadSmall(path)).toThrow(reason);
  });

  it.each([
    ["PyTorch's archive", "PK\x03\x04", /pickled files can run code.*\n.*safetensors\.torch/s],
    ["an ONNX model", "\x08\x07\x12\x07pytorch", /ONNX model, which is not supported.*\n.*safetensors/s],
    ["something else", "GIF89a", /neither a safetensors file nor a frozen TensorFlow graph/],
    ["nothing", "", /neither/],
  ])("refuses a file that is %s", (_, content, reason) => {
    const path = join(folder, "other");
    writeFileSync(path, content);
    expect(() => loadSmall(path)).toThrow(UsageError);
    expect(() => loadSmall(path)).toThrow(reason);
  });

  it("refuses a network of another size than the published one, unless it is told not to", () => {
    expect(() => loadInception(weights)).toThrow(UsageError);
    expect(() => loadInception(weights)).toThrow(
      /weights\.safetensors: this network gives 128 features and 10 logits; .* 2048 and 1008/,
    );
  });

  it("names a file that is not there", () => {
    expect(() => loadSmall(join(folder, "absent"))).toThrow(/absent cannot be read.*\n.*check the path/s);
  });
});
