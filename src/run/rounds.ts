/** `exchange.mode=local`: what the configuration says about rounds of local steps. */
import { UsageError } from "../base/errors.ts";
import type { Snapshot, TrainState } from "../training/train-state.ts";
import type { Config } from "./config.ts";

/** A combination of settings that is refused, as `config-checks` words it. */
interface RoundProblem {
  readonly message: string;
  readonly remedy: string;
}

/** Replicas of the model, and the steps that each takes between two exchanges. */
export interface Rounds {
  readonly every: number;
  readonly replicas: number;
}

/** @returns undefined in mode sync. */
export function roundsOf({ exchange, training }: Config): Rounds | undefined {
  if (exchange.mode === "sync") return undefined;
  return { every: exchange.every, replicas: exchange.replicas ?? training.shards };
}

/** Reasons to refuse local steps with these settings. */
export function roundProblems(config: Config): RoundProblem[] {
  const { exchange, training } = config;
  const rounds = roundsOf(config);
  const int8 = exchange.wire === "int8";
  const needsLocal = {
    message: "exchange.wire: int8 rounds what rounds of local steps send; exchange.mode is sync",
    remedy: "--set exchange.mode=local, or exchange.wire=float32",
  };
  if (!rounds) return int8 ? [needsLocal] : [];
  const { every, replicas } = rounds;
  const multiples = (["steps", "checkpointEvery", "snapshotEvery"] as const)
    .filter((name) => training[name] % every !== 0)
    .map((name) => ({
      message: `training.${name}: ${training[name]} is not a multiple of exchange.every, ${every}; it falls within a round`,
      remedy: `--set training.${name}=${Math.ceil(training[name] / every) * every}, or another exchange.every`,
    }));
  const uneven = {
    message: `exchange.replicas: ${replicas} replicas cannot share training.shards, ${training.shards}, evenly`,
    remedy: `--set training.shards=${replicas} or a multiple`,
  };
  const again = {
    message: "training.onDivergence: a round of local steps cannot be taken again",
    remedy: "--set training.onDivergence=stop",
  };
  const needsRestart = {
    message: "exchange.wire: int8 is too coarse for Adam's moments, and exchange.moments is averaged",
    remedy: "--set exchange.moments=restarted",
  };
  const only = (name: "engine" | "wire", value: string) => ({
    message: `exchange.${name}: ${exchange[name]} does not work with exchange.mode=local`,
    remedy: `--set exchange.${name}=${value}`,
  });
  return [
    ...(training.shards % replicas === 0 ? [] : [uneven]),
    ...multiples,
    ...(training.onDivergence === "stop" ? [] : [again]),
    ...(exchange.engine === "grpc" ? [] : [only("engine", "grpc")]),
    ...(exchange.wire === "bfloat16" ? [only("wire", "float32")] : []),
    ...(int8 && exchange.moments === "averaged" ? [needsRestart] : []),
  ];
}

/** @throws UsageError when the state is not that of the end of a round. */
export function requireRoundEnd({ step }: { readonly step: number }, { every }: Rounds): void {
  if (step % every === 0) return;
  throw new UsageError(
    `exchange.every: the state to go on from is of step ${step}, within a round of ${every} steps`,
    `choose a divisor of ${step}`,
  );
}

/** A state as the exchange sees it, whose steps are rounds. */
export const inRounds = (
  state: TrainState,
  every: number,
): Pick<TrainState, "step" | "snapshot" | "restore" | "digest"> => ({
  get step() {
    return state.step / every;
  },
  snapshot: (): Snapshot => ({ ...state.snapshot(), step: state.step / every }),
  digest: () => state.digest(),
  restore: (snapshot: Snapshot) => state.restore({ ...snapshot, step: snapshot.step * every }),
});
