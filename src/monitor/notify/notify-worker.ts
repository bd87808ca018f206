/** The thread that `notifyThread` starts. */
import { followRecord } from "../record-worker.ts";
import { runNotify } from "./notify.ts";

await followRecord(runNotify);
