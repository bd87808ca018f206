import type { Tensor1D } from "@tensorflow/tfjs";
import { expect, it } from "vitest";
import { createBatch } from "../../src/data/batch.ts";
import { isNative } from "../../src/engine/kernels.ts";
import { ncsnpp } from "../../src/models/ncsnpp.ts";
import { layoutOf, valuesOf, type ParameterLayout } from "../../src/models/parameters.ts";
import { scoreNetwork } from "../../src/models/score-network.ts";
import { adamUpdate } from "../../src/training/adam.ts";
import { exponentialMovingAverage } from "../../src/training/ema.ts";
import { learningRate } from "../../src/training/schedule.ts";
import { TrainState, type Snapshot } from "../../src/training/train-state.ts";
import { lossInputs, type Weighting } from "../../src/streams/score-matching.ts";
import { maxAbs } from "./allclose.ts";
import { describeFamily, type Config, type GoldenCase } from "./golden.ts";
import { flatParameters, networkConfig, sdeOf } from "./reference-config.ts";
import { expectTimes } from "./times.ts";
import { gradient, gradientTolerance, isKeyBias, parameter, sdeFormula, trainingLoss } from "./tolerances.ts";

/** The reference's get_optimizer has it as a default argument. */
const BETA2 = 0.999;

/** Everything a golden training run tells. */
interface Trajectory {
  readonly lr: number[];
  readonly loss: number[];
  readonly norm: number[];
  readonly firstGradient: Float32Array;
  readonly states: Snapshot[];
}

function weightingOf({ likelihood_weighting, importance_weighting }: Config): Weighting {
  if (!likelihood_weighting) return "original";
  return importance_weighting ? "importance" : "likelihood";
}

/** Trains on the golden batches, times and noise. */
async function train(
  golden: GoldenCase,
): Promise<{ readonly layout: ParameterLayout; readonly trajectory: Trajectory }> {
  const { config } = golden;
  const { model, optim, training } = config;
  const compile = isNative();
  const sde = sdeOf(training.sde, model, { reference: true });
  const network = scoreNetwork(ncsnpp(networkConfig(config)), { reduceMean: training.reduce_mean, compile });
  const layout = layoutOf(network.model.parameters);
  const optimizer = adamUpdate({
    beta1: optim.beta1,
    beta2: BETA2,
    eps: optim.eps,
    gradClip: optim.grad_clip,
    weightDecay: optim.weight_decay,
    compile,
  });
  const average = exponentialMovingAverage({ compile });
  const schedule = { lr: optim.lr, warmup: optim.warmup, schedule: "constant", finalLr: 0, decaySteps: 1 } as const;

  const parameters = flatParameters(golden, layout, "params_init/");
  const zeros = () => new Float32Array(layout.length);
  const state = new TrainState(layout, { step: 0, parameters, m: zeros(), v: zeros(), ema: parameters.slice() });
  const [steps, B, ...shape] = golden.shape("x") as [number, number, ...number[]];
  const dims = shape.reduce((a, b) => a * b, 1);
  const trajectory: Trajectory = { lr: [], loss: [], norm: [], firstGradient: zeros(), states: [] };

  for (let step = 0; step < steps; step++) {
    const part = (name: string, size: number) => golden.f32(name).subarray(step * B * size, (step + 1) * B * size);
    const [x, noise, t] = [part("x", dims), part("z", dims), part("t", 1)];
    const perturbed = x.map((value, i) => {
      const time = t[Math.floor(i / dims)]!;
      return sde.meanCoeff(time) * value + sde.std(time) * noise[i]!;
    });
    const batch = createBatch(
      { t: { data: t, shape: [] }, noise: { data: noise, shape }, perturbed: { data: perturbed, shape } },
      { step, shard: 0, shards: 1, firstSample: step * B },
    );
    const inputs = lossInputs(batch, sde, weightingOf(training));
    const { losses, gradient } = await network.lossAndGradient(state.parameters, inputs, [0, step]);
    if (step === 0) trajectory.firstGradient.set(gradient.dataSync() as Float32Array);
    const lr = learningRate(step, schedule);
    const { state: next, norm } = optimizer.update(state.adam, gradient, step, lr);
    gradient.dispose();
    state.advance(next);
    state.setEma(average.update(state.ema, state.parameters as Tensor1D, model.ema_rate));
    trajectory.lr.push(lr);
    trajectory.loss.push(losses.reduce((a, b) => a + b, 0) / B);
    trajectory.norm.push(norm);
    trajectory.states.push(state.snapshot());
  }
  for (const owner of [state, network, optimizer, average]) owner.dispose();
  return { layout, trajectory };
}

/** Sum, sum of magnitudes and root of the sum of squares over all parameters. */
function checksums(layout: ParameterLayout, flat: Float32Array): number[] {
  const all = layout.slots.flatMap((slot) => Array.from(valuesOf(flat, slot)));
  const sum = (value: (v: number) => number) => all.reduce((total, v) => total + value(v), 0);
  return [sum((v) => v), sum(Math.abs), Math.sqrt(sum((v) => v * v))];
}

/** Expects `flat` to be the golden tensors of `prefix`, as far as they are stored, within the tolerance of gradients. */
function expectGradients(golden: GoldenCase, layout: ParameterLayout, flat: Float32Array, prefix: string): void {
  for (const slot of layout.slots.filter(({ name }) => golden.has(prefix + name))) {
    const name = prefix + slot.name;
    expect(valuesOf(flat, slot), name).toBeAllclose(golden.f32(name), gradientTolerance(golden, name));
  }
}

/**
 * Expects `flat` to be the golden parameters of `prefix`, having moved by at most `path`, the sum of learning rates.
 *
 * Adam's step is lr times a ratio of gradients, so it is as exact as they are. Where the first gradient is less than the
 * tolerance of gradients, as for key biases, round-off decides where a parameter goes.
 */
function expectMoved(
  golden: GoldenCase,
  { layout, trajectory }: Awaited<ReturnType<typeof train>>,
  flat: Float32Array,
  prefix: string,
): void {
  const path = trajectory.lr.reduce((a, b) => a + b, 0);
  for (const slot of layout.slots) {
    const expected = golden.f32(prefix + slot.name);
    const received = valuesOf(flat, slot);
    const first = valuesOf(trajectory.firstGradient, slot);
    const smallest = isKeyBias(slot.name) ? Infinity : gradient() * maxAbs(first);
    const determined = [...first.keys()].filter((i) => Math.abs(first[i]!) >= smallest);
    const at = (values: Float32Array) => determined.map((i) => values[i]!);
    const atol = parameter().atol + gradient() * path;
    expect(at(received), prefix + slot.name).toBeAllclose(at(expected), { atol });
    expect(received, prefix + slot.name).toBeAllclose(expected, { atol: 2 * path });
  }
}

describeFamily("train", (cases) => {
  for (const golden of cases) {
    it(golden.name, async () => {
      const { training, model, optim } = golden.config;
      const sde = sdeOf(training.sde, model, { reference: true });
      const importance = weightingOf(training) === "importance";
      expectTimes(sde, training.smallest_time, importance, golden.numbers("u"), golden.numbers("t"));

      const run = await train(golden);
      const { layout, trajectory } = run;
      expect(trajectory.lr).toBeAllclose(golden.numbers("lr"), sdeFormula());
      expect(trajectory.loss).toBeAllclose(golden.numbers("loss"), trainingLoss());
      expect(trajectory.norm).toBeAllclose(golden.numbers("grad_norm"), trainingLoss());

      expectGradients(golden, layout, trajectory.firstGradient, "grads_step0/");
      const last = trajectory.states.at(-1)!;
      expect([last.step, last.step]).toEqual([golden.number("opt_step"), golden.number("state_step")]);
      expectMoved(golden, run, last.parameters, "params_final/");
      expectMoved(golden, run, last.ema, "ema_final/");
      expectGradients(golden, layout, last.m, "adam_m/");
      expectGradients(golden, layout, last.v, "adam_v/");

      // Each key bias may differ by lr a step and direction, any other parameter by the tolerance of parameters.
      const free = layout.slots.filter(({ name }) => isKeyBias(name)).reduce((sum, { size }) => sum + size, 0);
      trajectory.states.forEach((state, step) => {
        const atol = 2 * free * optim.lr * (step + 1) + parameter().atol * layout.count;
        const row = (name: string) => golden.numbers(name).subarray(3 * step, 3 * step + 3);
        expect(checksums(layout, state.parameters)).toBeAllclose(row("checksum_params"), { atol });
        expect(checksums(layout, state.ema)).toBeAllclose(row("checksum_ema"), { atol });
      });
    });
  }
});
