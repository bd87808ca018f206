/** Nodes on one machine with a network of their own: network namespaces on a bridge, with limited rate and added delay. */
import { execFileSync } from "node:child_process";
import { UsageError } from "../src/errors.ts";

export interface NetworkOptions {
  readonly nodes: number;
  /** Of each node in each direction, Mbit/s. */
  readonly rate: number;
  /** One way, ms; needs netem in the kernel. */
  readonly delay: number;
  /** Names the namespaces; at most 6 characters, as interfaces may have 15. */
  readonly prefix: string;
}

export const addressOf = (node: number) => `10.77.0.${node + 1}`;
export const namespaceOf = ({ prefix }: Pick<NetworkOptions, "prefix">, node: number) => `${prefix}-n${node}`;

/** Half of the delay of a packet is added where it leaves the node, half where it enters one. */
function shaping({ rate, delay }: NetworkOptions, device: string): string[][] {
  // A burst of 2 ms, at least some packets; what waits longer than 400 ms is dropped.
  const burst = Math.max(32, Math.ceil((rate * 1000 * 2) / 8 / 1000));
  const limit = ["rate", `${rate}mbit`, "burst", `${burst}kb`, "latency", "400ms"];
  if (delay === 0) return [["tc", "qdisc", "add", "dev", device, "root", "tbf", ...limit]];
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
export function commands(options: NetworkOptions): string[][] {
  const hub = `${options.prefix}-hub`;
  const inside = (namespace: string, command: string[]) => ["ip", "netns", "exec", namespace, ...command];
  const nodes = Array.from({ length: options.nodes }, (_, node) => {
    const namespace = namespaceOf(options, node);
    const port = `${options.prefix}-p${node}`;
    return [
      ["ip", "netns", "add", namespace],
      ["ip", "link", "add", port, "netns", hub, "type", "veth", "peer", "name", "eth0", "netns", namespace],
      inside(hub, ["ip", "link", "set", port, "master", "bridge", "up"]),
      inside(namespace, ["ip", "addr", "add", `${addressOf(node)}/24`, "dev", "eth0"]),
      inside(namespace, ["ip", "link", "set", "eth0", "up"]),
      inside(namespace, ["ip", "link", "set", "lo", "up"]),
      ...shaping(options, port).map((command) => inside(hub, command)),
      ...shaping(options, "eth0").map((command) => inside(namespace, command)),
    ];
  });
  return [
    ["ip", "netns", "add", hub],
    inside(hub, ["ip", "link", "add", "bridge", "type", "bridge"]),
    inside(hub, ["ip", "link", "set", "bridge", "up"]),
    ...nodes.flat(),
  ];
}

function run([file, ...args]: readonly string[]): void {
  try {
    execFileSync(file!, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    const said = String((error as { stderr?: string }).stderr ?? (error as Error).message).trim();
    const remedy = args.includes("netem")
      ? "this kernel has no netem (CONFIG_NET_SCH_NETEM): leave --delay out, or use another machine"
      : "run as root on Linux with iproute2: ip and tc";
    throw new UsageError(`${file} ${args.join(" ")}: ${said}`, remedy);
  }
}

/**
 * Makes the network.
 *
 * @returns A function that takes it away again.
 * @throws UsageError when the machine does not permit it; nothing is left then.
 */
export function openNetwork(options: NetworkOptions): () => void {
  const names = [`${options.prefix}-hub`, ...Array.from({ length: options.nodes }, (_, i) => namespaceOf(options, i))];
  const made: string[] = [];
  const close = () => made.splice(0).forEach((name) => run(["ip", "netns", "delete", name]));
  try {
    for (const command of commands(options)) {
      run(command);
      if (command[2] === "add" && names.includes(command[3]!)) made.push(command[3]!);
    }
  } catch (error) {
    close();
    throw error;
  }
  return close;
}
