/** A pipeline small enough to see through, and a command line around it that writes into strings. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { from, type Observable } from "rxjs";
import { onTestFinished } from "vitest";
import type { Environment } from "../../src/cli/environment.ts";
import { pipelineMain } from "../../src/cli/main.ts";
import { definePipeline, type Pipeline, type RunContext, type RunEvent } from "../../src/run/pipeline.ts";
import { requireName } from "../../src/cli/registry.ts";
import type { Engine } from "../../src/engine/load.ts";

/** An empty folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "scorestream-cli-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Counts to `training.steps`. */
export function counting({ config, workdir }: RunContext): Observable<RunEvent> {
  const steps = Array.from({ length: config.training.steps }, (_, i): RunEvent => ({ type: "progress", done: i + 1, loss: 0.5 })); // prettier-ignore
  return from<RunEvent[]>([
    { type: "stage", name: "training", total: config.training.steps, unit: "steps" },
    ...steps,
    { type: "metric", name: "train/loss", step: config.training.steps, value: 0.5, unit: "1" },
    { type: "result", values: { steps: config.training.steps, loss: 0.5 } },
    { type: "result", values: { bpd: 4.2134, bpdStandardError: 0.0213, checkpoint: join(workdir, "checkpoints/3") } },
  ]);
}

/** A pipeline of 8x8 images that does `run`. */
export function pipelineOf(run: Pipeline["run"]): Pipeline {
  return definePipeline({
    summary: "counts its steps",
    reaches: "Reaches its last step in no time.",
    imageSize: 8,
    defaults: { training: { steps: 3, batchSize: 8 }, model: { nf: 16, chMult: [1, 2], attnResolutions: [] } },
    presets: {
      quick: { optim: { lr: 1e-3 } },
      paper: { model: { nf: 128 }, training: { steps: 5 } },
      paper_deep: { model: { nf: 128, numResBlocks: 8 } },
    },
    run,
  });
}

/** The CPU engine by its names only: the pipelines of these tests use no tensors. */
export function engineNamed(name: Engine["name"]): Engine {
  return { name, version: "2.21.0", device: name === "tensorflow-gpu" ? "GPU" : "CPU", threads: 2 } as Engine;
}

export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line in this process with the pipelines `count` and `counter`. */
export async function pipeline(
  argv: readonly string[],
  options: { readonly run?: Pipeline["run"] } & Partial<Environment> = {},
): Promise<Ran> {
  const { run = counting, ...overrides } = options;
  let [stdout, stderr] = ["", ""];
  const names = ["count", "gaussian"];
  const exitCode = await pipelineMain(argv, {
    registry: {
      names: async () => names,
      load: async (name) => (requireName(name, names), pipelineOf(run)),
    },
    loadEngine: async () => engineNamed("tensorflow"),
    stdout: { write: (text: string | Uint8Array) => ((stdout += text), true) },
    stderr: { write: (text: string | Uint8Array) => ((stderr += text), true) },
    env: {},
    ...overrides,
  });
  return { exitCode, stdout, stderr };
}

/** The object on the last line of standard output. */
export function lastJson({ stdout }: Pick<Ran, "stdout">): Record<string, unknown> {
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as Record<string, unknown>;
}
