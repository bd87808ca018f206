/** Checks whether `exchange.engine=tensorflow` is possible. */
import { hasCollectives } from "../engine/collectives.ts";
import { UsageError } from "../base/errors.ts";
import { endpointText, isLoopback } from "../grpc/endpoint.ts";
import type { RunContext } from "./pipeline.ts";

const OTHERWISE = "or --set exchange.engine=grpc";

/** @throws UsageError where TensorFlow's collectives cannot carry the gradients of a run, or should not. */
export function requireCollectives({ exchange: targets, config, engine }: RunContext): void {
  const refuse = (what: string, remedy: string) => {
    throw new UsageError(`exchange.engine=tensorflow ${what}`, remedy);
  };
  if (!targets) {
    return refuse("needs several nodes, and no other node was named", `--listen or --join, see --help; ${OTHERWISE}`);
  }
  const { listen, join, world, insecure } = targets;
  if (!join && world < 2) {
    refuse(`needs all nodes from the beginning, but --world is ${world}`, `--world N with at least 2, ${OTHERWISE}`);
  }
  if (config.exchange.wire !== "float32") {
    refuse(`sends float32, but exchange.wire is ${config.exchange.wire}`, `--set exchange.wire=float32, ${OTHERWISE}`);
  }
  if (!hasCollectives()) {
    refuse(
      `needs the TensorFlow that the set-up compiles for, on Linux; this is ${engine.name} ${engine.version}`,
      `unset SCORESTREAM_ENGINE (npm run engine shows what the set-up found), ${OTHERWISE}`,
    );
  }
  const open = [listen, ...(join ? [join] : [])].find((endpoint) => !isLoopback(endpoint));
  if (open && !insecure) {
    refuse(
      `beyond this machine (${endpointText(open)}) makes TensorFlow listen unencrypted and without a token: ` +
        `anyone at an address of the run can run any code in its processes`,
      `--insecure, in a network without others; ${OTHERWISE}`,
    );
  }
}
