import { expect, it } from "vitest";
import type { Features } from "../../src/quality/features.ts";
import { frechetDistance } from "../../src/quality/frechet-distance.ts";
import { inceptionScore } from "../../src/quality/inception-score.ts";
import { kernelDistance } from "../../src/quality/kernel-distance.ts";
import { featureStatistics } from "../../src/quality/statistics.ts";
import "./allclose.ts";
import { describeFamily, type GoldenCase } from "./golden.ts";
import { metric } from "./tolerances.ts";

function features(golden: GoldenCase, name: string): Features {
  const [rows, dims] = golden.shape(name) as [number, number];
  return { name, data: golden.f32(name), rows, dims };
}

/** What a tensor is, by its name up to "_tfgan" (float32) or "_numpy" (float64); a block size may follow. */
const METRICS: Record<string, (golden: GoldenCase, maxBlockSize: number) => Promise<number> | number> = {
  is: (golden) => inceptionScore(features(golden, "logits")),
  fid: async (golden) =>
    frechetDistance(
      await featureStatistics(features(golden, "real")),
      await featureStatistics(features(golden, "gen")),
    ),
  kid: async (golden, maxBlockSize) =>
    (await kernelDistance(features(golden, "real"), features(golden, "gen"), { maxBlockSize })).kid,
};

describeFamily("metrics", (cases) => {
  for (const golden of cases) {
    for (const name of golden.names().filter((name) => !["real", "gen", "logits"].includes(name))) {
      it(`${golden.name}: ${name}`, async () => {
        const [, kind, blockSize] = /^([a-z]+)_(?:tfgan|numpy)(?:_block(\d+))?$/.exec(name) ?? [];
        const compute = METRICS[kind ?? ""];
        if (!compute) throw new Error(`the test knows no metric "${name}"`);
        const received = await compute(golden, Number(blockSize ?? golden.config.kid_max_block_size));
        // The kernel is a sum of terms of this size or more, of which little is left.
        const atol = kind === "kid" ? metric().rtol : 0;
        expect(received).toBeAllclose(golden.number(name), { ...metric(), atol });
      });
    }
  }
});
