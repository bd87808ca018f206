import { lastValueFrom, of } from "rxjs";
import { describe, expect, it } from "vitest";
import { createBatch, floats, withColumns } from "../../src/data/batch.ts";
import { fillNormal, randomKey } from "../../src/base/random.ts";
import { perturb } from "../../src/streams/perturb.ts";
import { expectInStep } from "../support/marbles.ts";
import { largestError } from "../support/numbers.ts";
import { dataBatch, infoAt, sde } from "./fixture.ts";

const t = { data: Float32Array.of(0.001, 0.3, 1), shape: [] };
const batch = (over = {}) => withColumns(dataBatch(3, [2, 2, 1], over), { t });
const run = async (over = {}, seed = 3) => lastValueFrom(of(batch(over)).pipe(perturb(sde, { seed })));

describe("perturb", () => {
  it("gives x(t) = alpha_t x(0) + sigma_t z with the normal numbers z of (seed, step, shard)", async () => {
    const out = await run({ step: 4, shard: 2 });
    const z = new Float32Array(12);
    fillNormal(randomKey(3, "noise", 4, 2), z);
    expect(floats(out, "noise")).toEqual({ data: z, shape: [2, 2, 1] });
    const expected = floats(out, "data").data.map((x, i) => {
      const time = t.data[Math.floor(i / 4)]!;
      return sde.meanCoeff(time) * x + sde.std(time) * z[i]!;
    });
    expect(floats(out, "perturbed").shape).toEqual([2, 2, 1]);
    expect(largestError(floats(out, "perturbed").data, expected)).toBeLessThan(1e-6);
  });

  it("draws by seed, step and shard", async () => {
    const noise = async (over = {}, seed?: number) => floats(await run(over, seed), "noise").data;
    const first = await noise();
    expect(await noise({ firstSample: 50 })).toEqual(first);
    for (const other of [noise({ step: 1 }), noise({ shard: 1 }), noise({}, 4)]) expect(await other).not.toEqual(first);
  });

  it("emits one batch per batch, in the same frame, and passes completion, errors and unsubscription on", () => {
    const inputs = [batch({ step: 0 }), batch({ step: 1 })] as const;
    expectInStep(
      () => perturb<"data" | "t">(sde, { seed: 1 }),
      inputs,
      (out) => out.info.step,
      [0, 1],
    );
  });

  it("notifies an error when the data are bytes", async () => {
    const data = { data: new Uint8Array(3), shape: [1] };
    const wrong = of(createBatch({ data, t }, infoAt())).pipe(perturb(sde, { seed: 1 }));
    await expect(lastValueFrom(wrong)).rejects.toThrow('column "data" holds bytes, expected float32');
  });
});
