/** Runs the real pipelines by the real command line, in this process. */
import { EventEmitter } from "node:events";
import { pipelineMain } from "../../src/cli/main.ts";
import type { Summary } from "../../src/run/pipeline.ts";

export interface Ran {
  readonly exitCode: number;
  readonly stderr: string;
  /** The object of `--json`. */
  readonly summary: Partial<Summary>;
}

/** A Gaussian run of a second: few steps, few examples, loose tolerances. */
export const short = [
  ...["gaussian", "--steps", "12", "--set", "training.checkpointEvery=5", "--set", "training.batchSize=16"],
  ...["--set", "training.logEvery=4", "--set", "eval.numImages=8", "--set", "eval.boundTimes=2"],
  ...["--set", "eval.rtol=1e-2", "--set", "eval.atol=1e-2", "--set", "sampling.numSamples=4"],
];

/** The paper's method, in place of what the preset predicts and draws. */
const byNoise = [
  ...["model.prediction=noise", "training.importanceWeighting=true"],
  ...["training.velocityTimes=false", "training.stratifiedTimes=false"],
].flatMap((setting) => ["--set", setting]);

/** A few steps of a network as small as it gets, else by the preset; the first run fetches the data. */
export const tinyQuick = [
  ...["cifar10", "--steps", "3", "--set", "training.batchSize=4", "--set", "training.shards=2"],
  ...["--set", "model.nf=4", "--set", "model.chMult=1,1", "--set", "eval.numImages=4", "--set", "eval.batchSize=2"],
  ...[
    "--set",
    "eval.boundTimes=2",
    "--set",
    "eval.rtol=1e-1",
    "--set",
    "eval.atol=1e-1",
    "--set",
    "sampling.numSamples=4",
  ],
  ...["--set", "sampling.rtol=1e-1", "--set", "sampling.atol=1e-1"],
];

/** The same by the paper's method, of whose untrained network the numbers are known. */
export const tiny = [...tinyQuick, ...byNoise];

/**
 * Runs the command line.
 *
 * @param stopAt Sends SIGTERM when this text has been printed.
 */
export async function run(argv: readonly string[], stopAt?: RegExp): Promise<Ran> {
  const signals = new EventEmitter();
  let [stdout, stderr] = ["", ""];
  const watch = (text: string) => {
    if (stopAt?.test(text)) signals.emit("SIGTERM");
    stderr += text;
  };
  const exitCode = await pipelineMain([...argv, "--json"], {
    stdout: { write: (text: string | Uint8Array) => ((stdout += text), true) },
    stderr: { write: (text: string | Uint8Array) => (watch(String(text)), true) },
    signals: signals as unknown as NodeJS.Process,
  });
  return { exitCode, stderr, summary: JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as Partial<Summary> };
}
