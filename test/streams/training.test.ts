import { setTimeout } from "node:timers/promises";
import { lastValueFrom, map, pipe, take, tap, toArray } from "rxjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { floats } from "../../src/data/batch.ts";
import { tf } from "../../src/engine/tf.ts";
import { ncsnpp } from "../../src/models/ncsnpp.ts";
import { scoreNetwork, type ScoreNetwork } from "../../src/models/score-network.ts";
import { TrainState } from "../../src/training/train-state.ts";
import { accumulate } from "../../src/streams/accumulate.ts";
import { adam } from "../../src/streams/adam.ts";
import { dequantize } from "../../src/streams/dequantize.ts";
import { ema } from "../../src/streams/ema.ts";
import { flip } from "../../src/streams/flip.ts";
import { trainBatches } from "../../src/streams/batches.ts";
import { perturb } from "../../src/streams/perturb.ts";
import { sampleTime } from "../../src/streams/sample-time.ts";
import { scoreMatching } from "../../src/streams/score-matching.ts";
import { expectNoLeak } from "../support/tensors.ts";
import { imageExamples, sde, TINY } from "./fixture.ts";

const examples = imageExamples(20, [8, 8, 1]);
const optimizer = {
  ...{ beta1: 0.9, beta2: 0.999, eps: 1e-8, gradClip: 1, weightDecay: 0, compile: true },
  ...{ lr: 1e-3, warmup: 2, schedule: "constant" as const, finalLr: 0, decaySteps: 1 },
};

let network: ScoreNetwork;
beforeAll(() => {
  network = scoreNetwork(ncsnpp({ ...TINY, chMult: [1], dropout: 0.1 }), { reduceMean: true, compile: true });
});
afterAll(() => network.dispose());

/** The whole pipeline with dropout, from the state's step to another. */
const train = (state: TrainState, to: number) =>
  trainBatches(examples, "image", { batchSize: 4, shards: 2, seed: 1, from: state.step, to }).pipe(
    pipe(
      flip({ seed: 1 }),
      dequantize("uniform", { seed: 1, centered: true }),
      sampleTime(sde, { eps: 1e-3, density: "likelihood", seed: 1 }),
      perturb(sde, { seed: 1 }),
      scoreMatching(network, sde, state, { weighting: "importance", seed: 1 }),
      accumulate(2),
      adam(state, optimizer),
      ema(state, { rate: 0.9, compile: true }),
    ),
  );
const lossesOf = (steps: ReturnType<typeof train>) =>
  lastValueFrom(
    steps.pipe(
      map((record) => floats(record, "loss").data[0]!),
      toArray(),
    ),
  );

describe("the training pipeline", () => {
  it("gives the same parameters when run again, and when stopped and resumed", async () => {
    await expectNoLeak(async () => {
      const whole = TrainState.initial(network.layout, 1);
      const before = whole.digest();
      const losses = await lossesOf(train(whole, 4));
      expect(losses.every(Number.isFinite)).toBe(true);
      expect(whole.digest()).not.toBe(before);

      const first = TrainState.initial(network.layout, 1);
      const stopped = await lossesOf(train(first, 2));
      const second = new TrainState(network.layout, first.snapshot());
      const resumed = await lossesOf(train(second, 4));
      expect([...stopped, ...resumed]).toEqual(losses);
      expect(second.digest()).toBe(whole.digest());
      expect(second.snapshot()).toEqual(whole.snapshot());
      for (const state of [whole, first, second]) state.dispose();
    });
  });

  it("holds the same number of tensors at every step, and only the state after the end", async () => {
    await expectNoLeak(async () => {
      const state = TrainState.initial(network.layout, 1);
      const atStart = tf.memory().numTensors;
      const counts: number[] = [];
      const count = tap(() => counts.push(tf.memory().numTensors));
      await lastValueFrom(train(state, 5).pipe(count));
      expect(counts).toHaveLength(5);
      expect(new Set(counts).size).toBe(1);
      expect(tf.memory().numTensors).toBe(atStart);
      await lastValueFrom(train(state, 8).pipe(take(2)));
      expect(tf.memory().numTensors).toBe(atStart);
      expect(state.step).toBe(7);
      state.dispose();
    });
  });

  it("stops at once on unsubscription", async () => {
    await expectNoLeak(async () => {
      const state = TrainState.initial(network.layout, 1);
      const subscription = train(state, 1000).subscribe();
      while (state.step < 2) await setTimeout(1);
      subscription.unsubscribe();
      const { step } = state;
      await setTimeout(20);
      expect(state.step).toBe(step);
      state.dispose();
    });
  });
});
