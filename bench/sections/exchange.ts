/** Gradients between nodes over loopback in each way, between two beside a plain copy of as many bytes over TCP. */
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import type { BenchContext, SectionResult } from "../context.ts";
import { startOwn } from "../peer.ts";
import type { Request } from "../protocol.ts";
import { spread } from "../statistics.ts";
import { spreadText, table } from "../tables.ts";

const MEGABYTES = [1, 16, 250];
const NODES = [2, 4];
/** MB of gradients that go before anything is measured; then, at least. */
const [WARM, MEASURED] = [4000, 400];
const WAYS = {
  exchange: "`exchange.engine=grpc`, as it is on one machine",
  messages: "`exchange.engine=grpc`, as between machines",
  tensorflow: "`exchange.engine=tensorflow`",
} as const;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Between more than two nodes there is no copy to compare with. */
async function measure(way: string, nodes: number, megabytes: number, repeats: number) {
  const ports = [await freePort(), await freePort()];
  const peers = Array.from({ length: nodes }, (_, rank) =>
    startOwn("exchange-peer.ts", way, ...[rank, nodes, megabytes * 250_000, ...ports].map(String)),
  );
  const tasks = ["exchange", ...(nodes === 2 ? ["copy" as const] : [])] as const;
  const ask = async (task: (typeof tasks)[number]) => {
    const answers = await Promise.all(peers.map((peer) => peer.ask({ do: task } satisfies Request)));
    return Math.max(...answers.map(({ wall }) => wall!));
  };
  const seconds: number[][] = tasks.map(() => []);
  try {
    // A run takes hundreds of thousands of steps: by then all that JavaScript is compiled.
    for (let round = 0; round < WARM / megabytes; round++) for (const task of tasks) await ask(task);
    for (let round = 0; round < repeats; round++) {
      for (const [i, task] of tasks.entries()) seconds[i]!.push(await ask(task));
    }
  } finally {
    await Promise.all(peers.map((peer) => peer.close()));
  }
  const [exchange, copy] = seconds.map(spread);
  return { exchange: exchange!, ...(copy && { copy, ratio: copy.median / exchange!.median }) };
}

export async function exchange({ say, repeats, quick }: BenchContext): Promise<SectionResult> {
  const rows = [];
  for (const nodes of NODES) {
    for (const megabytes of quick ? MEGABYTES.slice(0, 2) : MEGABYTES) {
      for (const [way, name] of Object.entries(WAYS)) {
        say(`exchange of ${megabytes} MB of gradients between ${nodes} nodes, ${name}`);
        // Small ones are over at once, and noisy.
        const times = await measure(way, nodes, megabytes, Math.max(repeats, Math.ceil(MEASURED / megabytes)));
        say(JSON.stringify(times));
        rows.push({ nodes, megabytes, way, ...times });
      }
    }
  }
  const cells = rows.map(({ nodes, megabytes, way, exchange, copy, ratio }) => [
    ...[String(nodes), String(megabytes), WAYS[way as keyof typeof WAYS], spreadText(exchange)],
    (megabytes / exchange.median).toFixed(0),
    copy ? spreadText(copy) : "",
    ratio?.toFixed(2) ?? "",
  ]);
  const head = [
    ...["nodes", "MB of gradients", "way", "wall ms: median (min - max)", "MB/s"],
    ...["plain copy over TCP, wall ms", "of the copy's speed"],
  ];
  const remark = `Each node is a process of its own, warm, as after many steps; an exchange and a copy by turns. An exchange is a whole one,
from the last gradient to the sum on all: parts of sums to their owners, checked and added there, and sent back. Of two nodes each
sends and receives so many bytes at once, as in the copy; of four, 1.5 times as many. On one machine gradients go through memory
that the nodes share, and gRPC carries where they are; between machines its messages carry them.`;
  return {
    title: "Exchange of gradients between nodes on loopback",
    markdown: `${table(head, cells)}

${remark}`,
    table: rows,
  };
}
