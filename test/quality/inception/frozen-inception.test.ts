import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import { largestError } from "../../support/numbers.ts";
import { expectNoLeak } from "../../support/tensors.ts";
import { loadSmall, temporaryFolder } from "./fixture.ts";
import { CLASSES, classifyImageGraph, DIMS, frozen, tfganGraph, writingGraph } from "./frozen-graphs.ts";

const [H, W] = [7, 10];
const images = Uint8Array.from({ length: 3 * H * W * 3 }, (_, i) => (i * i * 31 + 7 * i) % 256);

function file(content: Uint8Array): string {
  const path = join(temporaryFolder(), "graph.pb");
  writeFileSync(path, content);
  return path;
}

/** TensorFlow 1's bilinear resize to 299 x 299: pixel i of 299 is at i * n / 299. */
function resized(image: Uint8Array): Float64Array {
  const out = new Float64Array(299 * 299 * 3);
  const at = (y: number, x: number, c: number) => image[(Math.min(y, H - 1) * W + Math.min(x, W - 1)) * 3 + c]!;
  for (let i = 0; i < 299; i++) {
    for (let j = 0; j < 299; j++) {
      const [y, x] = [(i * H) / 299, (j * W) / 299];
      const [y0, x0] = [Math.floor(y), Math.floor(x)];
      const [dy, dx] = [y - y0, x - x0];
      for (let c = 0; c < 3; c++) {
        const top = at(y0, x0, c) * (1 - dx) + at(y0, x0 + 1, c) * dx;
        const bottom = at(y0 + 1, x0, c) * (1 - dx) + at(y0 + 1, x0 + 1, c) * dx;
        out[(i * 299 + j) * 3 + c] = top * (1 - dy) + bottom * dy;
      }
    }
  }
  return out;
}

/** What the small graphs compute, [3, DIMS]. */
function expectedPool(): Float64Array {
  const out = new Float64Array(3 * DIMS);
  for (let image = 0; image < 3; image++) {
    const x = resized(images.subarray(image * H * W * 3, (image + 1) * H * W * 3)).map((v) => (v - 128) / 128);
    for (let d = 0; d < DIMS; d++) {
      const scale = frozen.gamma[d]! / Math.sqrt(frozen.variance[d]! + 0.001);
      let sum = 0;
      for (let p = 0; p < 299 * 299; p++) {
        let y = 0;
        for (let c = 0; c < 3; c++) y += x[p * 3 + c]! * frozen.kernel[c * DIMS + d]!;
        sum += Math.max((y - frozen.mean[d]!) * scale + frozen.beta[d]!, 0);
      }
      out[image * DIMS + d] = sum / 299 ** 2;
    }
  }
  return out;
}

const logitsOf = (pool: ArrayLike<number>, biases: ArrayLike<number> = new Float32Array(CLASSES)) =>
  Float64Array.from({ length: 3 * CLASSES }, (_, i) => {
    const [row, k] = [Math.floor(i / CLASSES), i % CLASSES];
    let sum = biases[k]!;
    for (let d = 0; d < DIMS; d++) sum += pool[row * DIMS + d]! * frozen.weights[d * CLASSES + k]!;
    return sum;
  });

describe("the Inception network as a frozen graph", () => {
  const pool = expectedPool();

  it("takes any number of images of any size, though the graph is fixed to one picture", async () => {
    const path = file(classifyImageGraph());
    await expectNoLeak(() => {
      const network = loadSmall(path);
      expect([network.dims, network.classes]).toEqual([DIMS, CLASSES]);
      const { pool3, logits } = network.features(images, [H, W, 3]);
      expect(largestError(pool3, pool, 0.1)).toBeLessThan(1e-4);
      // The Inception score's logits leave the bias out.
      expect(largestError(logits, logitsOf(pool))).toBeLessThan(1e-4);
      network.dispose();
    });
  });

  it("prepares images for TF-GAN's graph, which begins after that", async () => {
    const path = file(tfganGraph());
    await expectNoLeak(() => {
      const network = loadSmall(path);
      const { pool3, logits } = network.features(images, [H, W, 3]);
      expect(largestError(pool3, pool, 0.1)).toBeLessThan(1e-4);
      expect(largestError(logits, logitsOf(pool, frozen.biases))).toBeLessThan(1e-4);
      network.dispose();
    });
  });

  it.each([
    ["pool_3", classifyImageGraph(["pool_3"]), /lacks pool_3; it has \d+ nodes, placeholders: none; ends: .*softmax/],
    ["logits", classifyImageGraph(["softmax/logits/MatMul"]), /lacks logits: .*softmax\/logits\/MatMul/],
    ["an input", classifyImageGraph(["ExpandDims", "conv/Conv2D"]), /lacks an input: ExpandDims/],
    ["what a node needs", classifyImageGraph(["conv/batchnorm/beta"]), /cannot run this graph: .*conv\/batchnorm/s],
  ])("refuses a graph that lacks %s", (_, graph, reason) => {
    const path = file(graph);
    expect(() => loadSmall(path)).toThrow(UsageError);
    expect(() => loadSmall(path)).toThrow(reason);
    expect(() => loadSmall(path)).toThrow(path);
  });

  it("refuses a graph that does more than compute, before any of it is run", () => {
    const written = join(temporaryFolder(), "written");
    expect(() => loadSmall(file(writingGraph(written)))).toThrow(
      /its node write is the operation WriteFile, which is not run/,
    );
    expect(existsSync(written)).toBe(false);
  });

  it.each([
    ["cut short", classifyImageGraph().subarray(0, 400), /not a frozen TensorFlow graph: it is cut short/],
    ["no nodes", Uint8Array.of(0x0a, 1, 0x20, 0), /not a frozen TensorFlow graph/],
  ])("refuses a file that is %s", (_, content, reason) => {
    expect(() => loadSmall(file(content))).toThrow(UsageError);
    expect(() => loadSmall(file(content))).toThrow(reason);
  });
});
