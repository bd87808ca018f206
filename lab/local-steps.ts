/**
 * Bits/dim of `gaussian` by local steps beside the exchange of every step, for each length of a round, each start of
 * Adam's moments, and numbers in float32 and int8: `node scripts/run.mjs lab/local-steps.ts [steps] [seeds]`, default 600 steps and 3 seeds. It writes
 * docs/lab/local-steps.md. Runs that are done are kept in a file of the temporary folder, and are not repeated.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lastValueFrom, pipe, reduce } from "rxjs";
import { chainBitsPerDim, sampleChain } from "../src/data/gaussian-chain.ts";
import { floats } from "../src/data/batch.ts";
import { loadEngine } from "../src/engine/load.ts";
import { mlp } from "../src/models/mlp.ts";
import { scoreNetwork } from "../src/models/score-network.ts";
import { vpSDE } from "../src/sde/vp.ts";
import { accumulate } from "../src/streams/accumulate.ts";
import { adam } from "../src/streams/adam.ts";
import { type Examples, examplesOf } from "../src/data/examples.ts";
import { evalBatches, trainBatches } from "../src/streams/batches.ts";
import { densityBitsPerDim } from "../src/streams/bits-per-dim.ts";
import { credit, withCredit } from "../src/streams/credit.ts";
import { ema } from "../src/streams/ema.ts";
import { localSteps } from "../src/streams/local-steps.ts";
import { logLikelihood } from "../src/streams/log-likelihood.ts";
import { perturb } from "../src/streams/perturb.ts";
import { sampleTime } from "../src/streams/sample-time.ts";
import { scoreMatching } from "../src/streams/score-matching.ts";
import { LocalGroup } from "../src/training/local-group.ts";
import { int8Size } from "../src/ops/int8-blocks.ts";
import { summedVectors, type Moments } from "../src/training/replica.ts";
import { learningRate } from "../src/training/schedule.ts";
import { TrainState } from "../src/training/train-state.ts";

const steps = Number(process.argv[2] ?? 600);
const seeds = Number(process.argv[3] ?? 3);
const REPLICAS = 4;
const BATCH = 256;
const HELD = 1024;
const outer = { learningRate: 0.7, momentum: 0.9 };
/** Those of the pipeline, with the schedule over as many steps as there are. */
const optim = {
  ...{ beta1: 0.9, beta2: 0.999, eps: 1e-8, gradClip: 1, weightDecay: 0, compile: true },
  ...{ lr: 3e-3, warmup: 50, schedule: "linear" as const, finalLr: 1e-5, decaySteps: steps },
};
const EMA = 0.98;
const chain = { dims: 8, std: 0.5, rho: 0.7 };
const sde = vpSDE({ betaMin: 0.1, betaMax: 20, N: 1000 });

interface Way {
  /** 1: the gradient of every step is exchanged. */
  readonly every: number;
  readonly moments?: Moments;
  /** What replicas send is rounded, and so is its sum. */
  readonly int8?: boolean;
}
const ways: readonly Way[] = [
  { every: 1 },
  ...[50, 10, 200].flatMap((every) => [
    { every, moments: "averaged" as const },
    { every, moments: "restarted" as const },
  ]),
  ...[50, 10].map((every) => ({ every, moments: "restarted" as const, int8: true })),
  { every: 50, moments: "carried" },
];
const numbersOf = ({ int8 = false }: Way) => (int8 ? "int8" : "float32");
const nameOf = (way: Way) => (way.moments ? `${way.every} ${way.moments}${way.int8 ? " int8" : ""}` : "sync");

await loadEngine();
const network = scoreNetwork(mlp({ dims: chain.dims, width: 64, depth: 2 }), { reduceMean: true, compile: true });
const examples = (values: Float32Array) => examplesOf(values, [chain.dims]);

/** The usual stages, or those of local steps. */
function training(state: TrainState, way: Way, seed: number, data: Examples) {
  const noisy = pipe(
    sampleTime<"data">(sde, { eps: 1e-5, density: "likelihood", seed }),
    perturb<"data" | "t">(sde, { seed }),
  );
  const loss = { weighting: "importance" as const, seed };
  const { moments, every, int8 = false } = way;
  if (!moments) {
    return trainBatches(data, "data", { batchSize: BATCH, shards: 1, seed, from: 0, to: steps }).pipe(
      noisy,
      scoreMatching(network, sde, state, loss),
      accumulate(1),
      adam(state, optim),
      ema(state, { rate: EMA, compile: true }),
    );
  }
  const group = new LocalGroup({ replicas: REPLICAS, every, from: 0, to: steps / every, int8 });
  const pace = credit(2);
  const options = {
    state,
    shards: REPLICAS,
    outer,
    moments,
    learningRate: (step: number) => learningRate(step, optim),
  };
  const restart = moments === "restarted" ? { restartEvery: every } : {};
  const batches = { batchSize: BATCH, shards: REPLICAS, seed, from: 0, to: steps, peers: group, pace };
  return withCredit(2 * REPLICAS, (credit) =>
    trainBatches(data, "data", { ...batches, credit }).pipe(
      noisy,
      localSteps(group, options, (replica) =>
        pipe(
          scoreMatching(network, sde, replica, loss),
          accumulate(1),
          adam(replica, { ...optim, ...restart }),
          pace.refund(1),
        ),
      ),
      ema(state, { rate: EMA ** every, compile: true }),
      credit.refund(REPLICAS),
    ),
  );
}

/** Mean bits/dim of held-out examples under the averaged parameters, less the exact one. */
async function excess(state: TrainState, seed: number): Promise<number> {
  const held = sampleChain(chain, HELD, seed + 1000);
  const score = network.scoreFunction(state.ema, sde);
  const ode = { eps: 1e-5, rtol: 1e-3, atol: 1e-3, hutchinson: "rademacher" as const, seed };
  const sum = await lastValueFrom(
    evalBatches(examples(held), "data", { batchSize: HELD }).pipe(
      logLikelihood(score, sde, ode),
      densityBitsPerDim(),
      reduce((total, batch) => total + floats(batch, "bpd").data.reduce((a, b) => a + b, 0), 0),
    ),
  );
  return sum / HELD - chainBitsPerDim(chain, held).reduce((a, b) => a + b, 0) / HELD;
}

const kept = join(tmpdir(), `scorestream-local-steps-${steps}.jsonl`);
const lines = existsSync(kept) ? readFileSync(kept, "utf8").trim().split("\n") : [];
const found = new Map(lines.map((line) => JSON.parse(line) as [string, number]));

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const error = (values: readonly number[]) =>
  Math.sqrt(values.reduce((sum, x) => sum + (x - mean(values)) ** 2, 0) / (values.length - 1) / values.length);
const shown = (values: readonly number[]) => `${mean(values).toFixed(4)} ± ${error(values).toFixed(4)}`;

for (let seed = 1; seed <= seeds; seed++) {
  for (const way of ways) {
    const key = `${nameOf(way)} ${seed}`;
    if (found.has(key)) continue;
    const state = TrainState.initial(network.layout, seed);
    const start = performance.now();
    await lastValueFrom(training(state, way, seed, examples(sampleChain(chain, 20_000, seed))));
    const value = await excess(state, seed);
    state.dispose();
    found.set(key, value);
    appendFileSync(kept, `${JSON.stringify([key, value])}\n`);
    console.log(
      `${key}: ${value.toFixed(4)} bits/dim above the exact value, ${((performance.now() - start) / 1000).toFixed(0)} s`,
    );
  }
}

const valuesOf = (way: Way) => Array.from({ length: seeds }, (_, i) => found.get(`${nameOf(way)} ${i + 1}`)!);
const sync = valuesOf(ways[0]!);
/** Bytes sent, in those of the exchange of every step. */
const bytesOf = ({ every, moments, int8 }: Way) => {
  const vectors = moments && moments !== "carried" ? summedVectors(moments) : 1;
  const { length } = network.layout;
  return (vectors * (int8 ? int8Size(length) : 4 * length)) / (4 * length) / every;
};
const rows = ways.map((way) => {
  const values = valuesOf(way);
  const more = values.map((value, i) => value - sync[i]!);
  const bytes = bytesOf(way) === 1 ? "1" : `1/${(1 / bytesOf(way)).toFixed(1).replace(/\.0$/, "")}`;
  return `| ${way.moments ? way.every : "1, sync"} | ${way.moments ?? ""} | ${numbersOf(way)} | ${bytes} | ${shown(values)} | ${way.moments ? shown(more) : ""} |`;
});
writeFileSync(
  "docs/lab/local-steps.md",
  `# Local steps: bits/dim against bytes

\`node scripts/run.mjs lab/local-steps.ts ${steps} ${seeds}\` wrote this page.

The data are those of \`gaussian\`, and so is the network. ${REPLICAS} replicas share a batch of ${BATCH}; each run takes ${steps} steps, so all see the
same examples. Learning rates are ${optim.lr}, falling to ${optim.finalLr}, and for the outer optimizer ${outer.learningRate} with momentum ${outer.momentum}. The average has rate ${EMA}.
Bits/dim are above the exact value, by the ODE on ${HELD} examples: means and standard errors over ${seeds} seeds. The last column is the
difference to the exchange of every step, paired by seed. Bytes are those that a node sends, as a part of what it sends in sync, with
a replica on each node.

| steps in a round | moments | numbers | bytes | bits/dim above exact | above sync |
| ---------------- | ------- | ------- | ----- | -------------------- | ---------- |
${rows.join("\n")}

Carried moments stay with their replica and are not exchanged. They are lost with its node, so the program does not offer them.
`,
);
network.dispose();
