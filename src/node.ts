/**
 * Entry `scorestream/node`, for Node: the programs as functions (argv in, exit code out), and data from other machines.
 */

// Programs
export { pipelineMain } from "./cli/main.ts";
export { dataMain } from "./cli/data.ts";
export { monitorMain, type MonitorEnvironment } from "./cli/monitor.ts";
export { checkpointMain } from "./cli/checkpoint.ts";

// Arrow Flight
export { FlightClient, FlightError } from "./grpc/flight/client.ts";
export { type FlightRows, type WantedRows, flightRows } from "./grpc/flight/rows.ts";
