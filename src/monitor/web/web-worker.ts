/** The thread that `webThread` starts. */
import { followRecord } from "../record-worker.ts";
import { runWeb } from "./run-web.ts";

await followRecord(runWeb);
