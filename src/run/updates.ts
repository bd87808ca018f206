/** From batches to updates of the state: by the gradient of every step, or by rounds of local steps. */
import { pipe, type OperatorFunction } from "rxjs";
import type { Batch } from "../data/batch.ts";
import type { Meter } from "../metrics/meter.ts";
import { accumulate } from "../streams/accumulate.ts";
import { adam, type StepRecord } from "../streams/adam.ts";
import { allReduce } from "../streams/all-reduce.ts";
import { credit, type Credit } from "../streams/credit.ts";
import { gradientHistograms } from "../streams/gradient-histograms.ts";
import { lossByNoise } from "../streams/loss-by-noise.ts";
import { noiseOfRounds } from "../streams/noise-of-rounds.ts";
import { localSteps } from "../streams/local-steps.ts";
import { scoreMatching } from "../streams/score-matching.ts";
import type { Stage } from "../streams/stage.ts";
import type { Replica } from "../training/replica.ts";
import { learningRate } from "../training/schedule.ts";
import { compiles, weightingOf } from "./from-config.ts";
import type { RunContext } from "./pipeline.ts";
import type { Session } from "./session.ts";

/** The stages that update the state. */
export interface Updates {
  readonly operator: OperatorFunction<Batch<"t" | "noise" | "perturbed">, StepRecord>;
  /** Bounds the batches of a replica's round that are on their way. */
  readonly pace?: Credit;
}

interface Measured {
  readonly meter: Meter;
  readonly stage: Stage;
}

/** Adam's updates by the gradient of every step. */
export function gradientUpdates(
  { config, signal, engine }: RunContext,
  { sde, network, state, peers }: Session,
  { meter, stage }: Measured,
): Updates {
  const { training, optim, seed } = config;
  const { shards, noiseBins: bins, logEvery: every, smallestTime: eps, largestLoss } = training;
  const compile = compiles({ config, engine });
  const weighting = weightingOf(config);
  const loss = { weighting, seed, signal: peers.alone ? signal : undefined };
  return {
    operator: pipe(
      stage("score", scoreMatching(network, sde, state, loss)),
      allReduce(peers),
      stage("accumulate", accumulate(shards), peers.alone ? shards : 1),
      lossByNoise(sde, { meter, bins, every, weighting, eps, state }),
      gradientHistograms(network.layout, { meter, every: training.histogramEvery }),
      stage("adam", adam(state, { ...optim, compile, largestLoss })),
    ),
  };
}

/** Updates by the mean of what the replicas' own steps came to. @throws RangeError when the peers exchange every step. */
export function roundUpdates(
  { config, engine }: RunContext,
  { sde, network, state, peers }: Session,
  { meter, stage }: Measured,
): Updates {
  const { training, optim, exchange, seed } = config;
  const { shards, noiseBins: bins, logEvery, smallestTime: eps, largestLoss } = training;
  const weighting = weightingOf(config);
  const { moments, every, outerLr, outerMomentum } = exchange;
  if (peers.alone) throw new RangeError("roundUpdates: there is no group");
  const compile = compiles({ config, engine });
  const perReplica = shards / peers.shards;
  const pace = credit(2 * perReplica);
  const outer = { learningRate: outerLr, momentum: outerMomentum };
  const rate = (step: number) => learningRate(step, optim);
  const restart = moments === "restarted" ? { restartEvery: every } : {};
  let running: Replica | undefined;
  const round = () => running!.round;
  const noise = noiseOfRounds(sde, { meter, bins, every: logEvery, weighting, eps, state, rounds: every, round });
  const operator = localSteps(peers, { state, shards, outer, moments, learningRate: rate }, (replica) => {
    running = replica;
    return pipe(
      stage("score", scoreMatching(network, sde, replica, { weighting, seed })),
      stage("accumulate", accumulate(perReplica), perReplica),
      noise.inRound,
      gradientHistograms(network.layout, { meter, every: training.histogramEvery }),
      stage("adam", adam(replica, { ...optim, compile, largestLoss, ...restart })),
      pace.refund(perReplica),
    );
  });
  return { operator: pipe(operator, noise.afterRound), pace };
}
