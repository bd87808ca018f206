/**
 * One of several nodes whose exchange of gradients in one way is timed, between two of them beside a plain copy over TCP:
 * exchange-peer.ts WAY RANK NODES FLOATS PORT_OF_THE_EXCHANGE PORT_OF_THE_COPY
 */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { loadEngine } from "../src/engine/load.ts";
import { tf } from "../src/engine/tf.ts";
import { exchangeGroup } from "../src/grpc/exchange/group.ts";
import type { Group, Turn } from "../src/training/peers.ts";
import type { TrainState } from "../src/training/train-state.ts";
import { measured, serve } from "./protocol.ts";

/** Options of each way to exchange. */
const WAYS = {
  exchange: { collectives: false, sharedMemory: true },
  messages: { collectives: false, sharedMemory: false },
  tensorflow: { collectives: true, sharedMemory: false },
};
const way = process.argv[2] as keyof typeof WAYS;
const [rank, nodes, floats, port, copyPort] = process.argv.slice(3).map(Number) as [number, number, number, number, number]; // prettier-ignore
const HOST = "127.0.0.1";
const EXAMPLES = 8;
const WRITE = 2 ** 20;

async function socketToTheOther(): Promise<Socket> {
  if (rank === 0) {
    const server = createServer().listen(copyPort, HOST);
    const [socket] = (await once(server, "connection")) as [Socket];
    server.close();
    return socket;
  }
  for (;;) {
    const socket = connect({ host: HOST, port: copyPort });
    const connected = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    if (connected) return socket;
    await delay(50);
  }
}

/** Both send and receive that many bytes at once, into memory of their own. */
function copier(socket: Socket) {
  const target = Buffer.alloc(4 * floats);
  const source = Buffer.alloc(4 * floats, 1);
  let [received, expected] = [0, 0];
  let arrived: () => void = () => {};
  socket.setNoDelay().on("data", (data) => {
    data.copy(target, received % target.length);
    received += data.length;
    arrived();
  });
  return async (bytes: number) => {
    // The other may have begun already.
    expected += bytes;
    const all = new Promise<void>((resolve) => (arrived = () => void (received >= expected && resolve())));
    for (let at = 0; at < bytes; at += WRITE) {
      if (!socket.write(source.subarray(at, Math.min(at + WRITE, bytes)))) await once(socket, "drain");
    }
    arrived();
    await all;
  };
}

/** Takes one step of a group with gradients that are there already. @returns How. */
async function stepper(group: Group): Promise<() => Promise<void>> {
  const values = tf.tidy(() => tf.range(0, floats).mul(1 / floats)) as ReturnType<typeof tf.tensor1d>;
  values.dataSync();
  const losses = new Float32Array(EXAMPLES).fill(1);
  const turns = group.turns(new AbortController().signal);
  const next = async () => (await turns.next()).value as Turn;
  let turn = await next();
  return async () => {
    group.add({ ...turn, values, t: losses, loss: losses });
    turn = await next();
  };
}

/** Stands for the state of a model: nothing is computed with the sums. */
function stateOf(onSum: (apply: () => void) => unknown): TrainState {
  // A joining node takes this state over.
  const values = new Float32Array(floats);
  const vectors = { parameters: values, m: values, v: values, ema: values };
  const state = { step: 0, snapshot: () => ({ step: state.step, ...vectors }), restore: () => {} };
  queueMicrotask(() => onSum(() => void state.step++));
  return state as unknown as TrainState;
}

function newGroup(): Group {
  const own = { host: HOST, port: rank === 0 ? port : 0 };
  const join = rank === 0 ? {} : { join: { host: HOST, port } };
  const group = exchangeGroup({
    targets: { listen: own, ...join, world: nodes, rank, security: {}, securityOf: () => ({}) },
    run: { shards: nodes, shardSize: EXAMPLES, parameters: floats, bfloat16: false },
    state: stateOf((apply) => group.onSum(apply)),
    ...{ to: Infinity, deadline: 60_000, config: {}, differences: () => [], tell: () => {} },
    ...WAYS[way],
  });
  return group;
}

await loadEngine();
const copy = nodes === 2 ? copier(await socketToTheOther()) : async () => {};
const step = await stepper(newGroup());

/** Two begin together; of more none ends before all have begun. */
const together = async (run: () => Promise<void>) => {
  await copy(1);
  return measured(async () => {
    await run();
    return {};
  });
};
await serve({ copy: () => together(() => copy(4 * floats)), exchange: () => together(step) });
process.exit(0);
