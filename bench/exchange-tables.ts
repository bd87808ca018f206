/**
 * The tables of docs/lab/exchange.md: the paper's CIFAR-10 models on 1 to 256 GPUs.
 *
 * npx tsx bench/exchange-tables.ts prints them.
 */
import { pathToFileURL } from "node:url";
import { resolveConfig } from "../src/run/resolve-config.ts";
import { networkOf } from "../src/run/network-from-config.ts";
import { cifar10Presets } from "../pipelines/presets/cifar10.ts";
import { ncsnpp } from "../src/models/ncsnpp.ts";
import { layoutOf } from "../src/models/parameters.ts";
import { localTable, scalingTable, type Cluster, type Topology, type Training } from "./exchange-model.ts";

/** Memory of a GPU, bytes/s: assumed. */
const DEVICE = 1e12;

/** Gradient of one image on one GPU, s: an H100 in TF32; the deep model's as many times as on a CPU. Measured. */
const SECONDS_PER_IMAGE = { paper: 1.27e-3, paper_deep: 1.27e-3 * 1.72 } as const;

export type PaperModel = keyof typeof SECONDS_PER_IMAGE;

/** Exact number of parameters of a preset's score network. */
export function parametersOf(model: PaperModel): number {
  const { config } = resolveConfig({ imageSize: 32, settings: [cifar10Presets[model]], assignments: [] });
  return layoutOf(ncsnpp(networkOf(config, [32, 32, 3])).parameters).count;
}

/** Global batch of both presets. */
const BATCH = 256;

/** Strong scaling: the batch stays as it is, a shard for each GPU. */
export function trainingOf(model: PaperModel): (world: number) => Training {
  const parameters = parametersOf(model);
  return (world) => ({
    parameters,
    shards: world,
    secondsPerShard: (BATCH / world) * SECONDS_PER_IMAGE[model],
    // Adam and the average read and write seven vectors of the parameters' length.
    secondsForUpdate: (7 * 4 * parameters) / DEVICE,
  });
}

const GPU = { device: DEVICE, copy: 12e9 } as const;

/** `carried` and `message` are measured, the rest is assumed; see docs/lab/exchange.md. */
export const clusters: readonly Cluster[] = [
  { ...GPU, name: "one machine", bandwidth: Infinity, carried: 1.7e9, latency: 0, message: 50e-6, most: 8 },
  ...[2, 10, 100].map((gbit) => ({
    ...GPU,
    name: `${gbit} Gbit/s`,
    bandwidth: (gbit * 1e9) / 8,
    carried: 0.5e9,
    latency: 50e-6,
    message: 300e-6,
  })),
];

const NAMES: Readonly<Record<PaperModel, string>> = { paper: "DDPM++", paper_deep: "DDPM++ deep" };
const TOPOLOGIES: Readonly<Record<Topology, string>> = {
  each: "each process adds one Nth",
  "rank 0": "rank 0 adds everything",
};

/** All tables, each under a line that names model and topology. */
export function exchangeTables(): string {
  const models = Object.keys(NAMES) as PaperModel[];
  const topologies = Object.keys(TOPOLOGIES) as Topology[];
  return models
    .flatMap((model) => {
      const training = trainingOf(model);
      return topologies.map(
        (topology) =>
          `${NAMES[model]}, ${training(1).parameters.toLocaleString("en")} parameters; ${TOPOLOGIES[topology]}:\n\n` +
          scalingTable(training, clusters, topology),
      );
    })
    .join("\n\n");
}

/** Steps in a round of the tables of local steps. */
const LENGTHS = [1, 10, 50, 200];
/** What is sent; `int8` is measured, see docs/lab/exchange.md. */
const SENT = [
  ["moments averaged", { vectors: 3 }],
  ["moments restarted", { vectors: 1 }],
  ["moments restarted, int8", { vectors: 1, int8: 8e-9 }],
] as const;

/** The paper's model by local steps, a table for each network and what is sent. */
export function localTables(): string {
  const training = trainingOf("paper");
  return clusters
    .flatMap((cluster) =>
      SENT.map(([name, sent]) => `${cluster.name}, ${name}:\n\n${localTable(training, cluster, sent, LENGTHS)}`),
    )
    .join("\n\n");
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  console.log(`${exchangeTables()}\n\n${localTables()}`);
