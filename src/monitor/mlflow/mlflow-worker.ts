/** The thread that `mlflowThread` starts. */
import { followRecord } from "../record-worker.ts";
import { runMlflow } from "./run-mlflow.ts";

await followRecord(runMlflow);
