/** Nodes on one machine with a network of their own: network namespaces on a bridge, with limited rate and added delay. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { RunError, UsageError } from "../src/base/errors.ts";

export interface NetworkOptions {
  readonly nodes: number;
  /** Bandwidth of each node in each direction, Mbit/s. */
  readonly rate: number;
  /** One way, ms. */
  readonly delay: number;
  /** Percent of the frames, by the program in place of the bridge; such a network can be parted too. */
  readonly loss?: number;
  /** TCP's congestion control, as the kernel names it; default: the kernel's. */
  readonly congestion?: string | undefined;
  /** Names the namespaces; at most 6 characters, as interfaces may have 15. */
  readonly prefix: string;
}

/** The holder of delayed packets: the kernel, or, where it has no netem, a program in place of the bridge. */
export type Holder = "netem" | "program";

export const addressOf = (node: number) => `10.77.0.${node + 1}`;
export const namespaceOf = ({ prefix }: Pick<NetworkOptions, "prefix">, node: number) => `${prefix}-n${node}`;
const hubOf = ({ prefix }: NetworkOptions) => `${prefix}-hub`;
const portOf = ({ prefix }: NetworkOptions, node: number) => `${prefix}-p${node}`;
const nodesOf = ({ nodes }: NetworkOptions) => Array.from({ length: nodes }, (_, node) => node);
const inside = (namespace: string, command: readonly string[]) => ["ip", "netns", "exec", namespace, ...command];

/** With netem half of the delay of a packet is added where it leaves the node, half where it enters one. */
function shaping({ rate, delay }: NetworkOptions, holder: Holder, device: string): string[][] {
  // A burst of 2 ms, at least one packet: what a node may send at once after it waited makes up for the delay that it
  // waited for. What waits longer than 400 ms is dropped.
  const burst = Math.max(2000, Math.ceil((rate * 1e6 * 0.002) / 8));
  const limit = ["rate", `${rate}mbit`, "burst", `${burst}b`, "latency", "400ms"];
  if (delay === 0 || holder === "program") return [["tc", "qdisc", "add", "dev", device, "root", "tbf", ...limit]];
  return [
    [
      "tc",
      "qdisc",
      "add",
      "dev",
      device,
      "root",
      "handle",
      "1:",
      "netem",
      "delay",
      `${delay / 2}ms`,
      "limit",
      "100000",
    ],
    ["tc", "qdisc", "add", "dev", device, "parent", "1:", "handle", "2:", "tbf", ...limit],
  ];
}

/** The commands that make the network, in order. */
export function commands(options: NetworkOptions, holder: Holder = "netem"): string[][] {
  const [hub, { congestion, delay }] = [hubOf(options), options];
  const bridged = delay === 0 || holder === "netem";
  const nodes = nodesOf(options).map((node) => {
    const [namespace, port] = [namespaceOf(options, node), portOf(options, node)];
    return [
      ["ip", "netns", "add", namespace],
      ["ip", "link", "add", port, "netns", hub, "type", "veth", "peer", "name", "eth0", "netns", namespace],
      inside(hub, ["ip", "link", "set", port, ...(bridged ? ["master", "bridge"] : []), "up"]),
      inside(namespace, ["ip", "addr", "add", `${addressOf(node)}/24`, "dev", "eth0"]),
      inside(namespace, ["ip", "link", "set", "eth0", "up"]),
      inside(namespace, ["ip", "link", "set", "lo", "up"]),
      ...(congestion ? [inside(namespace, ["sysctl", "-qw", `net.ipv4.tcp_congestion_control=${congestion}`])] : []),
      ...shaping(options, holder, port).map((command) => inside(hub, command)),
      ...shaping(options, holder, "eth0").map((command) => inside(namespace, command)),
    ];
  });
  const bridge = [
    inside(hub, ["ip", "link", "add", "bridge", "type", "bridge"]),
    inside(hub, ["ip", "link", "set", "bridge", "up"]),
  ];
  return [["ip", "netns", "add", hub], ...(bridged ? bridge : []), ...nodes.flat()];
}

function run([file, ...args]: readonly string[]): void {
  try {
    execFileSync(file!, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    const said = String((error as { stderr?: string }).stderr ?? (error as Error).message).trim();
    throw new UsageError(`${file} ${args.join(" ")}: ${said}`, "run as root on Linux with iproute2: ip and tc");
  }
}

/** True when this kernel has netem. @throws UsageError when that cannot be found out. */
function hasNetem({ prefix }: NetworkOptions): boolean {
  const namespace = `${prefix}-try`;
  run(["ip", "netns", "add", namespace]);
  try {
    run(inside(namespace, ["tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"]));
    return true;
  } catch (error) {
    if (/qdisc kind is unknown/.test((error as Error).message)) return false;
    throw error;
  } finally {
    run(["ip", "netns", "delete", namespace]);
  }
}

interface Program {
  /** Ends it. @returns What it did. */
  readonly end: () => Promise<string>;
  readonly cut: (nodes: readonly number[]) => void;
}

/** Starts the program in place of the bridge. */
async function openProgram(options: NetworkOptions): Promise<Program> {
  const program = fileURLToPath(new URL("netns-delay.py", import.meta.url));
  const ports = nodesOf(options).map((node) => portOf(options, node));
  const lossy = ["--loss", `${options.loss ?? 0}`, `${options.delay}`];
  const [file, ...args] = inside(hubOf(options), ["python3", program, ...lossy, ...ports]);
  // Detached from Ctrl-C, as the nodes still say goodbye over it; it ends with its input, so also when this process dies.
  const child = spawn(file!, args, { stdio: ["pipe", "pipe", "pipe"], detached: true });
  let [output, told] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (told += text));
  const ended = once(child, "close").then(([code]) => {
    if (code !== 0) throw new RunError(`lab/netns-delay.py ended with ${code}: it needs Python 3\n${told.trim()}`);
    return output.trim().split("\n").at(-1)!;
  });
  // An error in between is reported at the end.
  ended.catch(() => {});
  await Promise.race([once(child.stdout, "data"), ended]);
  return {
    end: () => (child.stdin.end(), ended),
    cut: (apart) => void child.stdin.write(`cut ${apart.join(" ")}\n`),
  };
}

export interface Network {
  /** Holder of the packets; undefined without delay. */
  readonly holder: Holder | undefined;
  /** Parts these nodes from the others, until the next call; with none it parts nobody. */
  readonly cut: (nodes: readonly number[]) => void;
  /** Takes it away again. @returns What the program says that held the packets, if one did. */
  readonly close: () => Promise<string | undefined>;
}

/**
 * Makes the network.
 *
 * @throws UsageError when the machine does not permit it; nothing is left then.
 */
export async function openNetwork(options: NetworkOptions): Promise<Network> {
  const names = [hubOf(options), ...nodesOf(options).map((node) => namespaceOf(options, node))];
  const made: string[] = [];
  let held: Program | undefined;
  const close = async () => {
    try {
      return await held?.end();
    } finally {
      for (const name of made.splice(0)) run(["ip", "netns", "delete", name]);
    }
  };
  try {
    const bridged = options.delay === 0 && options.loss === undefined;
    const holder = bridged ? undefined : options.loss === undefined && hasNetem(options) ? "netem" : "program";
    for (const command of commands(options, holder)) {
      run(command);
      if (command[2] === "add" && names.includes(command[3]!)) made.push(command[3]!);
    }
    if (holder === "program") held = await openProgram(options);
    const cut = (nodes: readonly number[]) => {
      if (!held) throw new UsageError("this network cannot be parted", "open it with `loss`");
      held.cut(nodes);
    };
    return { holder, cut, close };
  } catch (error) {
    await close();
    throw error;
  }
}
