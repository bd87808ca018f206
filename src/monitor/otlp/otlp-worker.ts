/** The thread that `otlpThread` starts. */
import { followRecord } from "../record-worker.ts";
import { runOtlp } from "./run-otlp.ts";

await followRecord(runOtlp);
