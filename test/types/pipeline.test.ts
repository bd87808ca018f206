/** What compiles and what does not: checked by `tsc`, which reads these tests too. */
import { EMPTY, filter, identity, pipe, take, type Observable, type OperatorFunction } from "rxjs";
import { describe, expectTypeOf, it } from "vitest";
import type { Batch } from "../../src/data/batch.ts";
import type { ScoreNetwork } from "../../src/models/score-network.ts";
import type { AdamOptions } from "../../src/training/adam.ts";
import type { ScheduleOptions } from "../../src/training/schedule.ts";
import type { CheckpointStore } from "../../src/training/checkpoints/checkpoint-store.ts";
import type { TrainState } from "../../src/training/train-state.ts";
import type { Examples } from "../../src/data/examples.ts";
import type { RunEvent } from "../../src/metrics/run-event.ts";
import type { RunContext } from "../../src/run/pipeline.ts";
import type { Session } from "../../src/run/session.ts";
import { trainingLoop, type TrainingLoop } from "../../src/run/training-loop.ts";
import type { Peers } from "../../src/training/peers.ts";
import { allReduce } from "../../src/streams/all-reduce.ts";
import { densityBitsPerDim } from "../../src/streams/bits-per-dim.ts";
import { evaluate } from "../../src/streams/evaluate.ts";
import { accumulate } from "../../src/streams/accumulate.ts";
import { adam, type StepRecord } from "../../src/streams/adam.ts";
import { captureState, type Captured } from "../../src/streams/capture-state.ts";
import { checkpoint } from "../../src/streams/checkpoint.ts";
import { dequantize } from "../../src/streams/dequantize.ts";
import { ema, type Averaged } from "../../src/streams/ema.ts";
import { flip } from "../../src/streams/flip.ts";
import type { Gradient } from "../../src/streams/gradient.ts";
import { perturb } from "../../src/streams/perturb.ts";
import { record } from "../../src/streams/record.ts";
import { sampleTime } from "../../src/streams/sample-time.ts";
import { scoreMatchingLoss } from "../../src/streams/score-matching-loss.ts";
import { scoreMatching } from "../../src/streams/score-matching.ts";
import { sumWindow } from "../../src/streams/sum-window.ts";
import { sde } from "../streams/fixture.ts";

const network = {} as ScoreNetwork;
const state = {} as TrainState;
const optimizer = {} as AdamOptions & ScheduleOptions;
const images = EMPTY as Observable<Batch<"image">>;
const time = () => sampleTime<"data">(sde, { eps: 1e-3, density: "likelihood", seed: 1 });
const noise = { seed: 1 };
const time2 = () => sampleTime<"data" | "t">(sde, { eps: 1e-3, density: "likelihood", seed: 1 });
const dequantized = () => dequantize<"image">("uniform", { seed: 1, centered: true });
const vectors = EMPTY as Observable<Batch<"data">>;
const logs = { steps: 1, every: 1, batchSize: 1 };
const bits = { name: "", key: "bpd", total: 1, step: 0 } as const;
const peers = {} as Peers;
const records = EMPTY as Observable<StepRecord>;
const averages = EMPTY as Observable<Averaged<StepRecord>>;
const store = {} as CheckpointStore;
const every = { every: 1 };
const captured = EMPTY as Observable<Captured<Averaged<StepRecord>>>;
const rate = { rate: 0.5, compile: true };
const score = () => scoreMatching(network, sde, state, { weighting: "original", seed: 1 });

describe("the columns are in the types", () => {
  it("every stage adds what it gives", () => {
    const flipped = images.pipe(flip(noise));
    expectTypeOf(flipped).toEqualTypeOf<Observable<Batch<"image">>>();
    const dequantized = flipped.pipe(dequantize("uniform", { seed: 1, centered: true }));
    expectTypeOf(dequantized).toEqualTypeOf<Observable<Batch<"data" | "logQ">>>();
    const timed = dequantized.pipe(sampleTime(sde, { eps: 1e-3, density: "uniform", seed: 1 }));
    expectTypeOf(timed).toEqualTypeOf<Observable<Batch<"data" | "logQ" | "t">>>();
    const perturbed = timed.pipe(perturb(sde, noise));
    expectTypeOf(perturbed).toEqualTypeOf<Observable<Batch<"data" | "logQ" | "t" | "noise" | "perturbed">>>();
    expectTypeOf(perturbed.pipe(score(), accumulate(4))).toEqualTypeOf<Observable<Gradient<"step">>>();
    const losses = perturbed.pipe(scoreMatchingLoss(network, sde, state, { weighting: "original" }));
    expectTypeOf(losses).toEqualTypeOf<Observable<Batch<"t" | "loss">>>();
  });

  it("data on the grid carry no logQ, so bits/dim cannot be computed from them", () => {
    const grid = images.pipe(dequantize("none", { seed: 1, centered: true }));
    expectTypeOf(grid).toEqualTypeOf<Observable<Batch<"data">>>();
    // @ts-expect-error: no logQ
    expectTypeOf(grid).toExtend<Observable<Batch<"logQ">>>();
  });

  it("a batch with more columns fits where fewer are asked, not the other way round", () => {
    expectTypeOf<Batch<"a" | "b">>().toExtend<Batch<"a">>();
    expectTypeOf<Batch<"a">>().not.toExtend<Batch<"a" | "b">>();
  });

  it("the optimizer takes gradients only and gives the record of the step, which ema hands on", () => {
    const make = () =>
      pipe(score(), accumulate(4), adam(state, optimizer), ema({} as TrainState, { rate: 0.5, compile: true }));
    expectTypeOf(make).returns.toEqualTypeOf<
      OperatorFunction<Batch<"t" | "noise" | "perturbed">, Averaged<StepRecord>>
    >();
  });

  it("a pipe of more than nine stages gives nothing that a run takes; one in another has types", () => {
    const flips = () => pipe(flip<"image">(noise), flip<"image">(noise), flip<"image">(noise));
    const ten = () =>
      images.pipe(flips(), flips(), flips(), dequantized(), time(), perturb(sde, noise), score(), accumulate(1), adam(state, optimizer), ema(state, rate)); // prettier-ignore
    expectTypeOf(ten).returns.toEqualTypeOf<Observable<unknown>>();
    // @ts-expect-error: unknown
    const events: () => Observable<RunEvent> = () => ten();
    // @ts-expect-error: unknown
    const recorded = () => ten().pipe(record(logs));
    // @ts-expect-error: unknown
    const stages: TrainingLoop<"image">["stages"] = () => pipe(flips(), flips(), flips(), flips(), flips(), flips(), flips(), flips(), flips(), flips()); // prettier-ignore
    const grouped = () =>
      images
        .pipe(flips(), flips(), flips(), dequantized(), time(), perturb(sde, noise))
        .pipe(score(), accumulate(1), adam(state, optimizer), ema(state, rate), record(logs));
    expectTypeOf(grouped).returns.toEqualTypeOf<Observable<RunEvent>>();
    expectTypeOf([events, recorded, stages]).toBeArray();
  });

  it("the stages of a training loop lead from its column to data", () => {
    const data = {} as Examples;
    const [context, session] = [{} as RunContext, {} as Session];
    const accepted = [
      () => trainingLoop(context, session, { data, column: "data", stages: () => identity }),
      () => trainingLoop(context, session, { data, column: "image", stages: () => pipe(flip(noise), dequantized()) }),
      () =>
        trainingLoop(context, session, {
          data,
          column: "image",
          stages: (stage) => stage("dequantize", dequantized()),
        }),
      () => trainingLoop(context, session, { data, column: "data", stages: () => filter(() => true) }),
      () => trainingLoop(context, session, { data, column: "data", stages: () => (source) => source.pipe(take(3)) }),
    ];
    const rejected = [
      // @ts-expect-error: dequantize is missing
      () => trainingLoop(context, session, { data, column: "image", stages: () => identity }),
      // @ts-expect-error: dequantize is missing
      () => trainingLoop(context, session, { data, column: "image", stages: () => flip(noise) }),
      // @ts-expect-error: numbers cannot be dequantized
      () => trainingLoop(context, session, { data, column: "data", stages: () => dequantized() }),
      // @ts-expect-error: flip stands before dequantize
      () => trainingLoop(context, session, { data, column: "image", stages: () => pipe(dequantized(), flip(noise)) }),
    ];
    expectTypeOf([accepted, rejected]).toBeArray();
  });

  it("stages in the wrong order do not compile", () => {
    const rejected = [
      // @ts-expect-error: the average would move twice a step
      () => records.pipe(ema(state, rate), ema(state, rate), record(logs)),
      // @ts-expect-error: the copy would have the average of the step before
      () => records.pipe(captureState(state, { every: [1] }), ema(state, rate), record(logs)),
      // @ts-expect-error: a step is summed once
      () => averages.pipe(sumWindow(state, logs), sumWindow(state, logs), record(logs)),
      // @ts-expect-error: the state is captured once
      () => averages.pipe(captureState(state, { every: [1] }), captureState(state, { every: [1] }), record(logs)),
      // @ts-expect-error: a step is saved once
      () => captured.pipe(checkpoint(state, store, every), checkpoint(state, store, every), record(logs)),
      // @ts-expect-error: ema takes what adam gives
      () => pipe(score(), accumulate(4), ema(state, rate), adam(state, optimizer)),
      // @ts-expect-error: a step is accumulated once
      () => pipe(score(), accumulate(4), accumulate(4)),
      // @ts-expect-error: Adam takes one step
      () => pipe(score(), accumulate(4), adam(state, optimizer), adam(state, optimizer)),
      // @ts-expect-error: machines sum shards, not steps
      () => pipe(score(), accumulate(4), allReduce(peers)),
      // @ts-expect-error: machines sum a shard once
      () => pipe(score(), allReduce(peers), allReduce(peers)),
      // @ts-expect-error: a batch is perturbed once
      () => vectors.pipe(time(), perturb(sde, noise), perturb(sde, noise), score()),
      // @ts-expect-error: times are drawn once
      () => vectors.pipe(time(), time2(), perturb(sde, noise)),
      // @ts-expect-error: times that are drawn after perturb are not those of the noise
      () => vectors.pipe(time(), perturb(sde, noise), time2(), score()),
      // @ts-expect-error: dequantize takes images
      () => images.pipe(dequantized(), time(), perturb(sde, noise), dequantized()),
      // @ts-expect-error: gradients have no columns
      () => vectors.pipe(time(), perturb(sde, noise), score(), score()),
      // @ts-expect-error: bits/dim of dequantized data have an offset
      () => (EMPTY as Observable<Batch<"data" | "logQ" | "logp">>).pipe(densityBitsPerDim(), evaluate(bits)),
      // @ts-expect-error: no `data` before dequantize
      () => images.pipe(time()),
      // @ts-expect-error: no `t` before sampleTime
      () => images.pipe(dequantize("uniform", { seed: 1, centered: true }), perturb(sde, noise)),
      // @ts-expect-error: no `perturbed` before perturb
      () => images.pipe(dequantize("uniform", { seed: 1, centered: true }), time(), score()),
      // @ts-expect-error: an augmentation of the bytes behind dequantize would be without effect
      () => images.pipe(dequantize("uniform", { seed: 1, centered: true }), flip(noise)),
      // @ts-expect-error: the same on the grid
      () => images.pipe(dequantize("none", { seed: 1, centered: true }), flip(noise)),
      // @ts-expect-error: vectors of floats cannot be flipped
      () => (EMPTY as Observable<Batch<"data">>).pipe(flip(noise)),
      // @ts-expect-error: losses are no gradients
      () => (EMPTY as Observable<Batch<"t" | "loss">>).pipe(adam(state, optimizer)),
      // @ts-expect-error: the gradients of shards are no step before accumulate
      () => pipe(score(), adam(state, optimizer)),
      // @ts-expect-error: without ema the average that is evaluated would stay at the first parameters
      () => (EMPTY as Observable<StepRecord>).pipe(record({ steps: 1, every: 1, batchSize: 1 })),
      // @ts-expect-error: checkpoint writes the copy that captureState made
      () => (EMPTY as Observable<Averaged<StepRecord>>).pipe(checkpoint(state, {} as CheckpointStore, { every: 1 })),
      // @ts-expect-error: numbers are drawn from a seed only
      () => perturb(sde, {}),
    ];
    expectTypeOf(rejected).toBeArray();
  });
});
