/** The tracking of one run by MLflow; in a thread of its own, see {@link mlflowThread}. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MetricLog } from "../metric-log.ts";
import { recordThread, type RecordThread } from "../record-thread.ts";
import type { Follower } from "../record-worker.ts";
import { mlflowHeaders, type MlflowPair } from "./mlflow-api.ts";
import { MlflowTracker } from "./mlflow-tracker.ts";

export interface RunMlflowOptions {
  /** Address of the server. */
  readonly url: string;
  /** Name of the pipeline: the experiment, unless `MLFLOW_EXPERIMENT_NAME` names another. */
  readonly pipeline: string;
  readonly workdir: string;
  /** The run's `metrics.jsonl`, which another thread writes. */
  readonly path: string;
  readonly runId: string;
  readonly node: string;
}

/** Characters of a parameter at most, by the server's rules. */
const LONGEST = 6000;

/** The leaves of an object by their dotted names; a list is one. */
export function leaves(value: unknown, name = ""): MlflowPair[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return [{ key: name, value: text.slice(0, LONGEST) }];
  }
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, name ? `${name}.${key}` : key));
}

/** Tracks the run, in this thread. */
export async function runMlflow(
  { url, pipeline, workdir, path, runId, node }: RunMlflowOptions,
  tell: (text: string) => void,
): Promise<Follower<undefined>> {
  const tracker = new MlflowTracker({
    ...{ url, tell, log: new MetricLog(path, { runId, node }), headers: mlflowHeaders(process.env) },
    experiment: process.env["MLFLOW_EXPERIMENT_NAME"] || pipeline,
    params: leaves(JSON.parse(readFileSync(join(workdir, "config.json"), "utf8"))),
  });
  return {
    ready: undefined,
    refresh: () => tracker.wake(),
    async close(grace) {
      if (await tracker.close(grace)) return;
      tell(`warning: MLflow at ${new URL(url).host} does not have all metrics; it gets them when the run goes on`);
    },
  };
}

export const mlflowThread = (
  options: RunMlflowOptions,
  tell: (text: string) => void,
): Promise<RecordThread<undefined>> =>
  recordThread({
    program: new URL("./mlflow-worker.ts", import.meta.url),
    options,
    purpose: "tracking by MLflow",
    tell,
  });
