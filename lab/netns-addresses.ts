/**
 * Nodes with networks and hosts files of their own, and the addresses at which they reach each other:
 * `node scripts/run.mjs lab/netns-addresses.ts [NAME ...]`. Needs root on Linux with iproute2. Prints exit codes,
 * seconds, and what refused nodes are told; exit code 1 where something is otherwise than it should be.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { addressOf as ipv4Of, namespaceOf, openNetwork } from "./netns-network.ts";
import { startProcess, type NodeProcess } from "./node-processes.ts";
import { children } from "./scratch.ts";

const NODES = 3;
const STEPS = 60;
const PORT = 50_061;
const network = { nodes: NODES, rate: 1000, delay: 0, prefix: `sa${process.pid % 10_000}` };
const names = ["first", "second", "third"];
const ipv6Of = (node: number) => `fd77::${node + 1}`;

interface Place {
  /** Of names other than its own; default: by IPv4. */
  readonly hosts?: Readonly<Record<string, string>>;
  /** Namespace; default: its number. */
  readonly at?: number;
  readonly options: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

interface Case {
  readonly what: string;
  readonly nodes: readonly Place[];
  /** Of each node, what its error says; absent: it ends with 0. */
  readonly errors?: readonly (RegExp | undefined)[];
}

const all = Object.fromEntries(names.map((name, node) => [name, ipv4Of(node)]));
const listen = (host: string) => ["--listen", `${host}:${PORT}`];
const join = (host: string) => ["--join", `${host}:${PORT}`];
const dead = "http://10.77.0.99:3128";

const cases: Readonly<Record<string, Case>> = {
  ipv6: { what: "--join [IPv6]", nodes: [{ options: listen("[::]") }, { options: join(`[${ipv6Of(0)}]`) }, { options: join(`[${ipv6Of(0)}]`) }] }, // prettier-ignore
  "ipv6-name": {
    what: "--join NAME, where the name has an address of IPv6 alone",
    nodes: [
      { options: listen("[::]") },
      ...[1, 2].map(() => ({ options: join("first"), hosts: { first: ipv6Of(0) } })),
    ],
  },
  "own-name": {
    what: "--listen NAME:0, where each hosts file gives the own name 127.0.1.1",
    nodes: names.map((name, node) => ({
      options: node === 0 ? listen(name) : [...join("first"), "--listen", `${name}:0`],
      hosts: { ...all, [name]: "127.0.1.1" },
    })),
  },
  proxy: {
    what: "https_proxy, http_proxy and grpc_proxy that lead nowhere",
    nodes: names.map((_, node) => ({
      options: node === 0 ? listen("0.0.0.0") : join("first"),
      env: { https_proxy: dead, http_proxy: dead, grpc_proxy: dead },
    })),
  },
  "same-name": {
    what: "a node tells a name that is loopback on the first machine",
    nodes: [{ options: listen("0.0.0.0"), hosts: { ...all, third: "127.0.1.1" } }, { options: join("first") }, { options: [...join("first"), "--listen", "third:0"] }], // prettier-ignore
    errors: [undefined, undefined, /refused: its address third:\d+ cannot be used: .*remedy: give --listen HOST:PORT/s],
  },
  "no-route": {
    what: "a node tells an address where nobody is",
    nodes: [{ options: listen("0.0.0.0"), hosts: { ...all, third: "10.77.0.99" } }, { options: join("first") }, { options: [...join("first"), "--listen", "third:0"] }], // prettier-ignore
    errors: [undefined, undefined, /refused: its address third:\d+ cannot be used: .*remedy: give --listen HOST:PORT/s],
  },
  loopback: {
    what: "a node joins by 127.0.0.1 on the first machine, beside one on another machine",
    nodes: [{ options: listen("0.0.0.0") }, { options: join("first") }, { at: 0, options: join("127.0.0.1") }],
    errors: [undefined, undefined, /refused: 127\.0\.0\.1:\d+ is an address within one machine, and 10\.77\.0\.2:\d+ is on another/], // prettier-ignore
  },
};

const run = (...command: string[]) => execFileSync(command[0]!, command.slice(1));

async function check(name: string, { what, nodes, errors = [] }: Case): Promise<boolean> {
  // The first node waits ten deadlines for one that is refused; meanwhile the run does not end.
  const deadline = errors.length > 0 ? 4 : 15;
  const started: NodeProcess[] = [];
  for (const [i, { options, env, at = i, hosts = all }] of nodes.entries()) {
    const namespace = namespaceOf(network, at);
    mkdirSync(`/etc/netns/${namespace}`, { recursive: true });
    const lines = Object.entries({ localhost: "127.0.0.1", ...hosts }).map(([host, address]) => `${address} ${host}\n`);
    writeFileSync(`/etc/netns/${namespace}/hosts`, lines.join(""));
    const world = i === 0 ? nodes.length : 1;
    const common = ["--insecure", "--world", String(world), "--set", `exchange.deadlineSeconds=${deadline}`];
    const inside = ["ip", "netns", "exec", namespace];
    const node = startProcess({ name: `${name}-${i}`, steps: STEPS, options: [...options, ...common], inside, ...(env && { env }) }); // prettier-ignore
    started.push(node);
    await node.says(/exchange: (others join|joining)/);
    // The others are there before one that is to be refused comes.
    if (i > 0 && errors[i + 1]) await started[0]!.says(/node 1 has joined/);
  }
  const ends = await Promise.all(started.map(({ ended }) => ended));
  const good = ends.map(({ how }, i) => (errors[i] ? how === 1 && errors[i].test(started[i]!.told()) : how === 0));
  const fine = good.every(Boolean) && new Set(ends.flatMap(({ parameters }, i) => (errors[i] ? [] : [parameters]))).size === 1; // prettier-ignore
  const said = started.flatMap(({ told }, i) => (errors[i] ? [/refused: .*/.exec(told())?.[0] ?? ""] : []));
  console.log(`| ${name} | ${what} | ${ends.map(({ how }) => how).join(", ")} | ${Math.max(...ends.map(({ seconds }) => seconds)).toFixed(0)} | ${fine ? "" : "NOT AS IT SHOULD BE "}${said.join()} |`); // prettier-ignore
  if (!fine) for (const { name, told } of started) console.error(`--- ${name}\n${told()}`);
  return fine;
}

const wanted = process.argv.slice(2);
const { close } = await openNetwork(network);
const namespaces = names.map((_, node) => namespaceOf(network, node));
let fine = true;
try {
  for (const [node, namespace] of namespaces.entries()) {
    run("ip", "-n", namespace, "-6", "addr", "add", `${ipv6Of(node)}/64`, "dev", "eth0", "nodad");
  }
  console.log("| case | how | exit codes | s | what the refused node is told |\n| --- | --- | --- | --- | --- |");
  for (const [name, one] of Object.entries(cases)) {
    if (wanted.length === 0 || wanted.includes(name)) fine = (await check(name, one)) && fine;
  }
} finally {
  for (const child of children) child.kill("SIGKILL");
  await close();
  for (const namespace of namespaces) rmSync(`/etc/netns/${namespace}`, { recursive: true, force: true });
}
process.exit(fine ? 0 : 1);
