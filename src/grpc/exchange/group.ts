/** A node with its server and its connections: what a run needs to train with others. */
import { randomBytes } from "node:crypto";
import { collectRarely } from "../../engine/garbage.ts";
import { UsageError } from "../../base/errors.ts";
import type { Group } from "../../training/peers.ts";
import type { TrainState } from "../../training/train-state.ts";
import { endpointText, listenFor, type Endpoint } from "../endpoint.ts";
import { sanitizeText } from "../../base/sanitize-text.ts";
import { andMore } from "../../base/lists.ts";
import { occasionally } from "../../base/occasionally.ts";
import type { ClientSecurity, ServerSecurity } from "../security.ts";
import { startServer, type Serving } from "../server.ts";
import { freePort, type FreePort } from "../free-port.ts";
import { arithmeticDifferences } from "../../exchange/arithmetic.ts";
import { ExchangeClient, FLOW_CONTROL_WINDOW } from "./client.ts";
import { openFor } from "./collective-members.ts";
import { CollectiveNode } from "./collective-node.ts";
import { Coordinator } from "./coordinator.ts";
import { EXCHANGE, EXCHANGE_PROTO, exchangeService, VERSION } from "./definition.ts";
import type { GroupView } from "../../exchange/messages.ts";
import type { Hello, Trait } from "../../exchange/messages.ts";
import { MESSAGE_LIMIT } from "./parcel.ts";
import type { ExchangeCost, NodeOptions } from "./node-options.ts";
import { ExchangeNode } from "./node.ts";
import { reach } from "./reach.ts";
import { attendHandler, deliverHandler, fetchHandler, identifyHandler, type ExchangeHandlers } from "./service.ts";
import type { RunShape } from "./shares-of-view.ts";
import { ListeningClock } from "../../exchange/machine.ts";
import { othersGone } from "./waiting.ts";
import { grpcWire, type Wire } from "./wire.ts";

/** The addresses at which the nodes of a run find each other. */
export interface ExchangeTargets {
  /**
   * Address at which this node listens. A host that means all addresses is announced as the one that the node calls
   * from.
   */
  readonly listen: Endpoint;
  /** The node that listens for all; absent: this one. */
  readonly join?: Endpoint;
  /** Nodes without which the first one does not begin. */
  readonly world: number;
  /** Asked for; 0: the next that is free. */
  readonly rank: number;
  /** Others than those that are allowed may listen and send. */
  readonly insecure?: boolean;
  readonly security: ServerSecurity;
  readonly securityOf: (endpoint: Endpoint) => ClientSecurity;
}

export interface GroupOptions {
  readonly targets: ExchangeTargets;
  readonly run: RunShape;
  readonly state: Pick<TrainState, "step" | "snapshot" | "restore" | "digest">;
  /** Step after the last. */
  readonly to: number;
  readonly signal?: AbortSignal | undefined;
  /** Gradients go by TensorFlow's collectives, see {@link CollectiveNode}. */
  readonly collectives?: boolean;
  /** Members of one machine read gradients from memory; the default. */
  readonly sharedMemory?: boolean;
  /** ms, see {@link ExchangeNode}. */
  readonly deadline: number;
  /** Settings that all nodes must have in common. */
  readonly config: unknown;
  /** Lists the differences of a joining node's configuration, one text each. */
  readonly differences: (config: unknown) => readonly string[];
  /** Traits that determine the bits of this node's numbers, see {@link Hello}; default: nothing is compared. */
  readonly arithmetic?: () => Promise<readonly Trait[]>;
  /** Steps after which the nodes compare their parameters; default 0: never. */
  readonly verifyEvery?: number;
  /** Admits nodes that compute otherwise. */
  readonly mixed?: boolean;
  /** Identity of the workdir, see {@link Hello}; default: none. */
  readonly identity?: string;
  /** Keeps the state on disk: the coordinator is gone, and may come back. */
  readonly save?: () => void;
  /** Receives the step of a state that was taken over from other nodes. */
  readonly onTakenOver?: (step: number) => void;
  readonly tell: (text: string) => void;
  readonly onExchange?: (cost: ExchangeCost) => void;
  /** In place of the address at which it listens: another way leads to it. */
  readonly announce?: string;
  /** Stands between the node and the others, for tests. */
  readonly wire?: (wire: Wire) => Wire;
}

/** Steps may block a node for long; a connection that is silent for less is not given up, ms. */
const QUIET = 60_000;
/** ms for calls to end when the server does. */
const GRACE = 300;

const isWildcard = ({ host }: Endpoint) => host === "0.0.0.0" || host === "::";
const advertised = (endpoint: Endpoint) => (isWildcard(endpoint) ? `:${endpoint.port}` : endpointText(endpoint));

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @throws UsageError when more nodes are wanted than there are shards. */
export function exchangeGroup(options: GroupOptions): Group {
  const {
    targets,
    run,
    state,
    to,
    signal,
    deadline,
    config,
    differences,
    tell,
    onExchange,
    collectives = false,
    sharedMemory = true,
    identity = "",
    arithmetic = async () => [],
    mixed = false,
    verifyEvery = 0,
    save = () => {},
    onTakenOver,
  } = options;
  const { join, world, rank } = targets;
  if (world > run.shards) {
    throw new UsageError(
      `--world ${world}: training.shards is ${run.shards}, and every node needs a shard`,
      `--set training.shards=${world} or a multiple, or fewer nodes`,
    );
  }
  collectRarely();
  const quiet = Math.max(QUIET, 2 * deadline);
  const runId = randomBytes(8).toString("hex");
  const incarnation = randomBytes(8).toString("hex");
  const clock = new ListeningClock();
  const verifies = verifyEvery > 0;
  const rules = {
    runId,
    shards: run.shards,
    world,
    fixed: collectives,
    deadline,
    to,
    finished: state.step >= to,
    mixed,
    verifies,
  };
  const coordinator = new Coordinator(rules, clock, tell);
  let server: Serving | undefined;
  let port: FreePort | undefined;
  let traits: readonly Trait[] = [];
  const collectivesPort = () => port?.port ?? 0;
  const hello = (): Hello => ({
    ...{ version: VERSION, rank, runId: "", config: JSON.stringify(config), parameters: run.parameters },
    ...{
      address: options.announce ?? advertised(server!.endpoint),
      collectivesPort: collectivesPort(),
      node: identity,
      incarnation,
    },
    arithmetic: traits,
  });
  const client = join && new ExchangeClient(join, targets.securityOf(join), quiet);
  const grpc = grpcWire({
    ...{ coordinator: join ?? targets.listen, security: targets.securityOf },
    ...{ quiet, shared: sharedMemory, tell },
  });
  const refused = occasionally((more, peer: string, what: string) =>
    tell(`${peer} was refused: ${sanitizeText(what)}${andMore(more)}`),
  );

  const handlers: ExchangeHandlers = {
    coordinator: join ? endpointText(join) : coordinator,
    differences: ({ config, parameters }) => [
      ...differences(parsed(config)),
      ...(parameters === run.parameters ? [] : [`parameters: ${run.parameters} there, ${parameters} here`]),
    ],
    otherwise: (hello) => arithmeticDifferences(traits, hello.arithmetic ?? []),
    ...{ mixed, incarnation },
    reach: (endpoint, incarnation, signal) =>
      reach(endpoint, incarnation, { security: targets.securityOf, clock, deadline, quiet }, signal),
    take: (messages, given) => node.take(messages, given),
    fetch: (request) => node.fetched(request),
    onRefused: refused,
  };

  const nodeOptions: NodeOptions = {
    ...{ run, state, to, signal, deadline, verifyEvery, wire: options.wire?.(grpc) ?? grpc },
    ...(onExchange && { onExchange }),
    ...(onTakenOver && { onTakenOver }),
    membership: {
      way: join && client ? { kind: "join", client, address: endpointText(join), hello } : { kind: "coordinate", coordinator, hello }, // prettier-ignore
      ...{ clock, tell, save },
    },
    async listen() {
      traits = await arithmetic();
      if (collectives) port = await freePort();
      const service = {
        name: EXCHANGE,
        proto: EXCHANGE_PROTO,
        service: exchangeService,
        handlers: {
          Attend: attendHandler(handlers),
          Deliver: deliverHandler(handlers),
          Fetch: fetchHandler(handlers),
          Identify: identifyHandler(handlers),
        },
      };
      const { listen, security } = targets;
      const endpoint = await listenFor(listen);
      if (endpoint !== listen) tell(`exchange: ${listen.host} is a loopback address here, so this node listens at all addresses`); // prettier-ignore
      const listening = { option: "--listen", endpoint, security, tell };
      const started = await startServer(service, listening, {
        "grpc.max_receive_message_length": MESSAGE_LIMIT,
        // Each node sends parcels of two phases of two steps, and its attendance.
        "grpc.max_concurrent_streams": 8 + 8 * run.shards,
        "grpc.keepalive_time_ms": quiet,
        "grpc.keepalive_timeout_ms": quiet,
        "grpc-node.flow_control_window": FLOW_CONTROL_WINDOW,
      }).catch(async (error: unknown) => {
        await port?.release();
        throw error;
      });
      // Others are told the name.
      server = { ...started, endpoint: { host: listen.host, port: started.endpoint.port } };
      const where = endpointText(server.endpoint);
      tell(join ? `exchange: joining ${endpointText(join)}, peers reach this node at ${where}` : `exchange: others join with --join ${where}`); // prettier-ignore
      return async (finished) => {
        // Some may lack the last step.
        if (finished && !join) await othersGone(() => coordinator.size > 1, { deadline, signal });
        coordinator.close(finished ? "the run has ended" : "the coordinator stops");
        client?.close();
        await port?.release();
        await server!.close(GRACE);
      };
    },
  };
  const open = (view: GroupView, id: number) =>
    openFor({ view, id, coordinator: join ?? targets.listen, port: port!, tell });
  const node = collectives ? new CollectiveNode({ ...nodeOptions, open }) : new ExchangeNode(nodeOptions);
  return node;
}
