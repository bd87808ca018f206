/** The context of every section of the bench. */
import { join } from "node:path";
import { writeCase } from "./case-file.ts";
import type { BenchCase } from "./cases.ts";
import type { BenchOptions } from "./options.ts";
import { startPeer, withPeers, type Engine } from "./peer.ts";
import { measureRounds, type Measurement, type RoundsOptions } from "./rounds.ts";

export interface BenchContext extends BenchOptions {
  /** Python of the peers. */
  readonly python: string;
  /** Kept between runs. */
  readonly cache: string;
  /** Removed at the end. */
  readonly scratch: string;
  /** Cores this process may use. */
  readonly cores: number;
  readonly say: (text: string) => void;
}

/** The figures that are gated, see `latest.json`. */
export interface Summary {
  stepRatioTorch?: number | undefined;
  stepRatioTorchCompile?: number | undefined;
  stepRatioJax?: number | undefined;
  memoryRatioTorch?: number | undefined;
  bfloat16StepRatio?: number | undefined;
  bfloat16StepRatioTorch?: number | undefined;
  bfloat16MemoryRatioTorch?: number | undefined;
  stageShare?: number | undefined;
  dataReadRatio?: number | undefined;
}

export interface SectionResult {
  readonly title: string;
  readonly markdown: string;
  readonly table: unknown;
  readonly summary?: Summary;
  /** Engines that computed something else, in words; the bench then fails. */
  readonly differences?: readonly string[];
}

export interface Comparison {
  readonly bench: BenchCase;
  readonly engines: readonly Engine[];
  readonly threads: number;
  readonly dropout: number;
  readonly rounds: Omit<RoundsOptions, "say" | "repeats"> & { readonly repeats?: number };
}

/** Runs the engines on one case, each in a process of its own. */
export async function compare(context: BenchContext, comparison: Comparison): Promise<Measurement[]> {
  const { bench, engines, threads, dropout, rounds } = comparison;
  const { scratch, python, cache, cores, repeats, say } = context;
  say(`${bench.name}, dropout ${dropout}, ${threads === 1 ? "one thread" : `${threads} threads`}`);
  const casePath = join(scratch, `${bench.name}.safetensors`);
  await writeCase(casePath, bench);
  const options = { casePath, dropout, threads, python, cache };
  return withPeers(
    engines,
    (engine) => startPeer(engine, options, cores - 1),
    (peers) => measureRounds(peers, { repeats, ...rounds, say }),
  );
}
