/** The programs as functions, as `scorestream/node`: argv in, exit code out. */

// Programs
export { pipelineMain } from "./cli/main.ts";
export { dataMain } from "./cli/data.ts";
export { monitorMain, type MonitorEnvironment } from "./cli/monitor.ts";
export { checkpointMain } from "./cli/checkpoint.ts";
