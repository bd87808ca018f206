/** Gradients between nodes over loopback by both engines, between two beside a plain copy of as many bytes over TCP. */
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import type { BenchContext, SectionResult } from "../context.ts";
import { startOwn } from "../peer.ts";
import type { Request } from "../protocol.ts";
import { spread } from "../statistics.ts";
import { spreadText, table } from "../tables.ts";

const MEGABYTES = [1, 16, 250];
const NODES = [2, 4];
const WAYS = {
  copy: "plain copy over TCP",
  exchange: "`exchange.engine=grpc`, as it is on one machine",
  messages: "`exchange.engine=grpc`, as between machines",
  tensorflow: "`exchange.engine=tensorflow`",
} as const;
type Way = keyof typeof WAYS;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Between more than two nodes there is no copy to compare with. */
const waysOf = (nodes: number) => (Object.keys(WAYS) as Way[]).filter((way) => way !== "copy" || nodes === 2);

async function measure(nodes: number, megabytes: number, repeats: number) {
  const ports = [await freePort(), await freePort(), await freePort(), await freePort()];
  const peers = Array.from({ length: nodes }, (_, rank) =>
    startOwn("exchange-peer.ts", ...[rank, nodes, megabytes * 250_000, ...ports].map(String)),
  );
  const seconds: Record<Way, number[]> = { copy: [], exchange: [], messages: [], tensorflow: [] };
  const ask = async (way: Way) => {
    const answers = await Promise.all(peers.map((peer) => peer.ask({ do: way } satisfies Request)));
    return Math.max(...answers.map(({ wall }) => wall!));
  };
  try {
    for (const way of waysOf(nodes)) await ask(way);
    for (let round = 0; round < repeats; round++) {
      for (const way of waysOf(nodes)) seconds[way].push(await ask(way));
    }
  } finally {
    await Promise.all(peers.map((peer) => peer.close()));
  }
  return Object.fromEntries(waysOf(nodes).map((way) => [way, spread(seconds[way])]));
}

export async function exchange({ say, repeats, quick }: BenchContext): Promise<SectionResult> {
  const rows = [];
  for (const nodes of NODES) {
    for (const megabytes of quick ? MEGABYTES.slice(0, 2) : MEGABYTES) {
      say(`exchange of ${megabytes} MB of gradients between ${nodes} nodes`);
      // Small ones are over at once, and noisy.
      const seconds = await measure(nodes, megabytes, megabytes < 100 ? 5 * repeats : repeats);
      say(JSON.stringify(seconds));
      const { copy } = seconds;
      rows.push({ nodes, megabytes, seconds, ...(copy && { ratio: copy.median / seconds["exchange"]!.median }) });
    }
  }
  const cells = rows.flatMap(({ nodes, megabytes, seconds }) =>
    waysOf(nodes).map((way) => [
      ...[String(nodes), String(megabytes), WAYS[way], spreadText(seconds[way]!)],
      (megabytes / seconds[way]!.median).toFixed(0),
      seconds["copy"] ? (seconds["copy"].median / seconds[way]!.median).toFixed(2) : "",
    ]),
  );
  const head = ["nodes", "MB of gradients", "way", "wall ms: median (min - max)", "MB/s", "of the copy's speed"];
  const remark = `Each node is a process of its own. An exchange is a whole one, from the last gradient to the sum on all: parts of sums to
their owners, checked and added there, and sent back. Of two nodes each sends and receives so many bytes at once, as in the
copy; of four, 1.5 times as many. On one machine gradients go through memory that the nodes share, and gRPC carries where
they are; between machines its messages carry them.`;
  return {
    title: "Exchange of gradients between nodes on loopback",
    markdown: `${table(head, cells)}\n\n${remark}`,
    table: rows,
  };
}
