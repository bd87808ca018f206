/** The command line of runs on several machines. */
import { isIPv6 } from "node:net";
import type { Command } from "commander";
import { UsageError } from "../base/errors.ts";
import { endpointText, everyHost, isLoopback, parseEndpoint, type Endpoint } from "../grpc/endpoint.ts";
import type { ExchangeTargets } from "../grpc/exchange/group.ts";
import { clientSecurity, serverSecurity, type Secrets } from "../grpc/security.ts";
import { launcherEnvironment, type Launcher } from "./launcher-environment.ts";
import { readSecrets } from "../grpc/secrets.ts";
import type { SecurityOptions } from "../grpc/secrets.ts";

/** Options as commander gives them. */
export interface GivenExchange extends SecurityOptions {
  readonly listen?: string;
  readonly join?: string;
  readonly world?: string;
  readonly rank?: string;
}

/** Port of the first node if a launcher names none. */
const PORT = 50_061;

export function addExchangeOptions(command: Command): void {
  command
    .option(
      "--listen <host:port>",
      "address that other nodes join; with --join: address at which peers reach this node",
    )
    .option("--join <host:port>", "trains with the node that listens there")
    .option("--world <nodes>", "number of nodes to wait for before the first step; default 1")
    .option("--rank <rank>", "number of this node; the listening node is 0; default: the next free number");
}

/** @throws UsageError when it is there and no whole number from `least`. */
function whole(option: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d{1,6}$/.test(text) && value >= least) return value;
  throw new UsageError(
    `${option} ${text}: expected a whole number of at least ${least}`,
    `for example ${option} ${least}`,
  );
}

/** Converts a launcher's data to the options of the command line. */
function fromLauncher({ rank, world, coordinatorHost, ownHost, port = PORT }: Launcher): GivenExchange {
  const address = `${coordinatorHost.includes(":") ? `[${coordinatorHost}]` : coordinatorHost}:${port}`;
  const [numbers, local] = [{ world: String(world), rank: String(rank) }, isLoopback({ host: coordinatorHost, port })];
  if (rank === 0) return { ...numbers, listen: local ? address : endpointText({ host: everyHost(), port }) };
  // Uses the name that a certificate can carry, where there is one: pods are otherwise known by their numbers.
  return { ...numbers, join: address, ...(ownHost !== undefined && { listen: `${ownHost}:0` }) };
}

/** Chooses the address at which a joining node listens: for this machine only, if the others are on it. */
const listenBeside = (join: Endpoint): Endpoint => {
  const own = isIPv6(join.host) ? "::1" : "127.0.0.1";
  // The name of the other may be one of IPv6 alone.
  return { host: isLoopback(join) ? own : everyHost(), port: 0 };
};

/** Makes nodes show their certificates to each other too, where both sides have one. */
function security(listen: Endpoint, secrets: Secrets): Pick<ExchangeTargets, "security" | "securityOf"> {
  const { tlsCa, tlsCert, tlsKey } = secrets;
  const server = serverSecurity("--listen", listen, secrets);
  const own = tlsCa && tlsCert && tlsKey ? { cert: tlsCert, key: tlsKey } : undefined;
  return {
    security: { ...server, ...(server.tls && own && { tls: { ...server.tls, clientCa: tlsCa! } }) },
    securityOf(endpoint) {
      const client = clientSecurity("--join", endpoint, secrets);
      return { ...client, ...(client.tls && own && { tls: { ...client.tls, own } }) };
    },
  };
}

/**
 * Reads the options, or what Slurm, Kubernetes, MPI or torchrun say where none of them is given.
 *
 * @returns undefined for a run in one process.
 * @throws UsageError for what does not fit together, and for addresses that strangers could reach.
 */
export function parseExchange(
  options: GivenExchange,
  env: NodeJS.ProcessEnv,
  mode: string,
): ExchangeTargets | undefined {
  const said = options.listen !== undefined || options.join !== undefined;
  const launcher = said || mode !== "train" ? undefined : launcherEnvironment(env);
  const given = launcher ? { ...options, ...fromLauncher(launcher) } : options;
  const world = whole("--world", given.world, 1);
  const rank = whole("--rank", given.rank, 0);
  if (given.listen === undefined && given.join === undefined) {
    if (world === undefined && rank === undefined) return undefined;
    throw new UsageError(
      `${world === undefined ? "--rank" : "--world"}: no other node was named`,
      "give --listen HOST:PORT to one node and --join HOST:PORT to the others",
    );
  }
  if (mode !== "train") {
    throw new UsageError(
      `--${given.join === undefined ? "listen" : "join"}: --mode ${mode} runs on one machine`,
      "leave it out, or use --mode train",
    );
  }
  const join = given.join === undefined ? undefined : parseEndpoint("--join", given.join, false);
  const listen = given.listen === undefined ? listenBeside(join!) : parseEndpoint("--listen", given.listen, true);
  if (join ? rank === 0 : (rank ?? 0) > 0) {
    throw new UsageError(
      `--rank ${rank}: only the node that listens for the others has rank 0`,
      join ? "give another rank, or none" : "use --join, or leave --rank out",
    );
  }
  const secrets = readSecrets(options, env);
  const targets = security(listen, secrets);
  // Refused now, not at the first call.
  if (join) targets.securityOf(join);
  return {
    listen,
    ...(join && { join }),
    world: world ?? 1,
    rank: rank ?? 0,
    insecure: secrets.insecure ?? false,
    ...targets,
  };
}
