import { lastValueFrom, of } from "rxjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { floats } from "../../src/data/batch.ts";
import { scoreNetwork, type ScoreNetwork } from "../../src/models/score-network.ts";
import { TrainState } from "../../src/training/train-state.ts";
import { veSDE } from "../../src/sde/ve.ts";
import { dataLoss } from "../../src/streams/data-loss.ts";
import { perturb } from "../../src/streams/perturb.ts";
import { sampleTime } from "../../src/streams/sample-time.ts";
import { densityOf } from "../../src/streams/score-matching.ts";
import { largestError } from "../support/numbers.ts";
import { expectNoLeak } from "../support/tensors.ts";
import { dataBatch, linearModel, sde } from "./fixture.ts";

const shape = [2, 2, 1];
const input = dataBatch(6, shape, { step: 3 });
let network: ScoreNetwork;
let state: TrainState;
beforeAll(() => {
  network = scoreNetwork(linearModel(), { reduceMean: true, compile: true });
  state = TrainState.initial(network.layout, 1);
});
afterAll(() => {
  network.dispose();
  state.dispose();
});

/** Losses of s(x) = -(w x + b) / sigma under the averaged parameters, in float64. */
async function closedForm(weighting: "original" | "likelihood" | "importance") {
  const noisy = await lastValueFrom(
    of(input).pipe(sampleTime(sde, { eps: 1e-3, density: densityOf(weighting), seed: 1 }), perturb(sde, { seed: 1 })),
  );
  const [x, z, t] = (["perturbed", "noise", "t"] as const).map((name) => floats(noisy, name).data);
  const ema = state.ema.dataSync();
  const [b, w] = network.layout.slots.map((slot) => ema[slot.offset]!) as [number, number];
  return Array.from(t!, (time, i) => {
    const weight = weighting === "likelihood" ? (sde.diffusion(time) / sde.std(time)) ** 2 : 1;
    const squares = [0, 1, 2, 3].map((k) => (z![4 * i + k]! - (w * x![4 * i + k]! + b)) ** 2);
    return (weight * squares.reduce((sum, s) => sum + s, 0)) / 4;
  });
}

describe("dataLoss", () => {
  it.each(["original", "likelihood", "importance"] as const)("is the training loss: %s", async (weighting) => {
    const result = await expectNoLeak(() =>
      lastValueFrom(of(input).pipe(dataLoss(network, sde, state, { weighting, eps: 1e-3, seed: 1 }))),
    );
    expect(largestError(floats(result, "loss").data, await closedForm(weighting))).toBeLessThan(1e-4);
    expect(result.info).toEqual(input.info);
  });

  it("is a function of the seed and of the batch's step", async () => {
    const losses = async (seed: number, step: number) => {
      const batch = dataBatch(6, shape, { step });
      const loss = dataLoss(network, sde, state, { weighting: "original", eps: 1e-3, seed });
      return [...floats(await lastValueFrom(of(batch).pipe(loss)), "loss").data];
    };
    expect(await losses(1, 0)).toEqual(await losses(1, 0));
    expect(await losses(1, 1)).not.toEqual(await losses(1, 0));
    expect(await losses(2, 0)).not.toEqual(await losses(1, 0));
  });

  it("refuses at once what the stages in it refuse", () => {
    const ve = veSDE({ sigmaMin: 0.01, sigmaMax: 50, N: 1000 });
    expect(() => dataLoss(network, ve, state, { weighting: "importance", eps: 1e-3, seed: 1 })).toThrow(/ve SDE/);
    expect(() => dataLoss(network, sde, state, { weighting: "original", eps: 0, seed: 1 })).toThrow(/eps must lie/);
  });
});
