/** TensorFlow's collective runtime: operations that several processes run together, over TensorFlow's own gRPC. */
import type { Tensor } from "@tensorflow/tfjs";
import type { Binding } from "./binding.ts";
import { isNative, nativeBackend, tensorsOf } from "./kernels.ts";
import { lengthField, numberField } from "./protobuf.ts";

/** Processes that run operations together. Each runs the same ones, in the same order. */
export interface Collectives {
  /**
   * Sends part i of `x`, [N, ...], to member i; the input may be disposed at once.
   *
   * @param key One for each use, the same for all members; shapes under one key are equal.
   * @returns What the members have sent to this one, [N, ...].
   * @throws Error when a member is gone, or after {@link abort}; nothing more can be run then.
   */
  allToAll(x: Tensor, key: number): Promise<Tensor>;
  /** The members' `x`, [n, ...], one after another: [N n, ...]; else as {@link allToAll}. */
  gather(x: Tensor, key: number): Promise<Tensor>;
  /** Makes operations that are running here fail. */
  abort(): void;
  /** Makes this process unreachable; the server itself lasts until the process ends. */
  close(): void;
}

export interface CollectivesOptions {
  /** HOST:PORT of each member, this one included; equal in number and order at all of them. */
  readonly members: readonly string[];
  /** This one's index. */
  readonly index: number;
  /** This one's port, which is free. */
  readonly port: number;
  /** IPv4 and IPv6 addresses from which, besides loopback, the server may be reached. */
  readonly allowed: readonly string[];
}

/** Field numbers of tensorflow/core/protobuf: tensorflow_server.proto, cluster.proto and config.proto. */
const SERVER = { cluster: 1, jobName: 2, taskIndex: 3, config: 4, protocol: 5 } as const;
const CLUSTER = { job: 1 } as const;
const JOB = { name: 1, tasks: 2 } as const;
const ENTRY = { key: 1, value: 2 } as const;
const CONFIG = { deviceCount: 1, intraThreads: 2, interThreads: 5, experimental: 16 } as const;
const EXPERIMENTAL = { leader: 1, largestChunk: 4 } as const;

const NAME = "worker";
/** Bytes in which a message holds its values; 4096 by default, which takes longer. */
const CHUNK = 2 ** 20;

/** Tensors stay in host memory on their way, and nothing is computed. */
const configProto = (): Uint8Array =>
  Buffer.concat([
    lengthField(CONFIG.deviceCount, lengthField(ENTRY.key, "GPU"), numberField(ENTRY.value, 0)),
    numberField(CONFIG.intraThreads, 1),
    numberField(CONFIG.interThreads, 2),
    lengthField(
      CONFIG.experimental,
      lengthField(EXPERIMENTAL.leader, `/job:${NAME}/replica:0/task:0`),
      numberField(EXPERIMENTAL.largestChunk, CHUNK),
    ),
  ]);

function serverDef({ members, index }: CollectivesOptions): Uint8Array {
  const tasks = members.map((address, i) => lengthField(JOB.tasks, numberField(ENTRY.key, i), lengthField(ENTRY.value, address))); // prettier-ignore
  return Buffer.concat([
    lengthField(SERVER.cluster, lengthField(CLUSTER.job, lengthField(JOB.name, NAME), ...tasks)),
    lengthField(SERVER.jobName, NAME),
    numberField(SERVER.taskIndex, index),
    lengthField(SERVER.config, configProto()),
    lengthField(SERVER.protocol, "grpc"),
  ]);
}

/** True when this engine can open {@link Collectives}: on Linux, with the binding that the set-up compiles. */
export const hasCollectives = (): boolean =>
  isNative() && process.platform === "linux" && nativeBackend().binding.openCollectives !== undefined;

let opened = 0;

/**
 * Starts TensorFlow's server in this process. It asks nobody for anything, and who reaches it can run what he likes in
 * this process; a filter on its socket lets only loopback and `allowed` through.
 *
 * @throws Error when TensorFlow cannot listen there, or the filter cannot be set.
 */
export async function openCollectives(options: CollectivesOptions): Promise<Collectives> {
  const binding = nativeBackend().binding as Required<Binding>;
  const [group, size] = [opened++, options.members.length];
  await binding.openCollectives(group, serverDef(options), configProto(), options.port, options.allowed.join("\n"));
  const run = async (op: string, x: Tensor, key: number) => {
    const [id] = nativeBackend().getInputTensorIds([x]) as [number];
    return tensorsOf(await binding.runCollective(group, op, id, size, key))[0]!;
  };
  return {
    allToAll: (x, key) => run("CollectiveAllToAllV2", x, key),
    gather: (x, key) => run("CollectiveGatherV2", x, key),
    abort: () => binding.abortCollectives(group),
    close: () => binding.closeCollectives(group, options.port),
  };
}
