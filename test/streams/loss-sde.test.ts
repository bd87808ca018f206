import { lastValueFrom, of } from "rxjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createBatch } from "../../src/data/batch.ts";
import { scoreNetwork, type ScoreNetwork } from "../../src/models/score-network.ts";
import type { SDE } from "../../src/sde/sde.ts";
import { subVpSDE } from "../../src/sde/sub-vp.ts";
import { veSDE } from "../../src/sde/ve.ts";
import { perturb } from "../../src/streams/perturb.ts";
import { sampleTime } from "../../src/streams/sample-time.ts";
import { scoreMatchingLoss } from "../../src/streams/score-matching-loss.ts";
import { scoreMatching } from "../../src/streams/score-matching.ts";
import { TrainState } from "../../src/training/train-state.ts";
import { infoAt, linearModel, sde } from "./fixture.ts";

const ve = veSDE({ sigmaMin: 0.01, sigmaMax: 50, N: 1000 });

let network: ScoreNetwork;
let state: TrainState;
beforeAll(() => {
  network = scoreNetwork(linearModel(), { reduceMean: false, compile: true });
  state = TrainState.initial(network.layout, 1);
});
afterAll(() => {
  network.dispose();
  state.dispose();
});

describe("the SDE of a loss", () => {
  const other = subVpSDE({ betaMin: 0.1, betaMax: 20, N: 1000 });
  const data = createBatch(
    { data: { data: Float32Array.from({ length: 8 }, (_, i) => 0.1 * i - 0.3), shape: [4] } },
    infoAt(),
  );
  const times = { eps: 1e-3, density: "uniform", seed: 1 } as const;
  const perturbed = (by: SDE) => of(data).pipe(sampleTime(by, times), perturb(by, { seed: 1 }));
  const original = { weighting: "original" } as const;

  it.each([sde, other, ve])("is that which has perturbed the batch: $name", async (one) => {
    const batches = perturbed(one);
    await expect(lastValueFrom(batches.pipe(scoreMatchingLoss(network, one, state, original)))).resolves.toBeDefined();
    for (const two of [sde, other, ve].filter((two) => two !== one)) {
      const [losses, gradients] = [
        batches.pipe(scoreMatchingLoss(network, two, state, original)),
        batches.pipe(scoreMatching(network, two, state, { ...original, seed: 1 })),
      ];
      await expect(lastValueFrom(losses)).rejects.toThrow(/perturbed by another SDE/);
      await expect(lastValueFrom(gradients)).rejects.toThrow(/perturbed by another SDE/);
    }
  });

  it("is that of the network, where it belongs to a session", () => {
    const owned = { ...network, sde };
    expect(() => scoreMatching(owned, other, state, { weighting: "original", seed: 1 })).toThrow(
      /another SDE \(vp\).*subvp/,
    );
    expect(() => scoreMatchingLoss(owned, other, state, { weighting: "original" })).toThrow(
      /another SDE \(vp\).*subvp/,
    );
    expect(() => scoreMatching(owned, sde, state, { weighting: "original", seed: 1 })).not.toThrow();
  });
});
