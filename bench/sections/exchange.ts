/** Gradients between two nodes over loopback, beside a plain copy of as many bytes over TCP. */
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import type { BenchContext, SectionResult } from "../context.ts";
import { startOwn } from "../peer.ts";
import type { Request } from "../protocol.ts";
import { spread } from "../statistics.ts";
import { spreadText, table } from "../tables.ts";

const MEGABYTES = [1, 16, 250];
const WAYS = { copy: "plain copy over TCP", exchange: "`exchange.engine=grpc`" } as const;
type Way = keyof typeof WAYS;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function measure(megabytes: number, repeats: number) {
  const ports = [await freePort(), await freePort()].map(String);
  const nodes = [0, 1].map((rank) => startOwn("exchange-peer.ts", String(rank), String(megabytes * 250_000), ...ports));
  const seconds: Record<Way, number[]> = { copy: [], exchange: [] };
  const ask = async (way: Way) => {
    const answers = await Promise.all(nodes.map((node) => node.ask({ do: way } satisfies Request)));
    return Math.max(...answers.map(({ wall }) => wall!));
  };
  try {
    for (const way of Object.keys(WAYS) as Way[]) await ask(way);
    for (let round = 0; round < repeats; round++) {
      for (const way of Object.keys(WAYS) as Way[]) seconds[way].push(await ask(way));
    }
  } finally {
    await Promise.all(nodes.map((node) => node.close()));
  }
  return { copy: spread(seconds.copy), exchange: spread(seconds.exchange) };
}

export async function exchange({ say, repeats, quick }: BenchContext): Promise<SectionResult> {
  const rows = [];
  for (const megabytes of quick ? MEGABYTES.slice(0, 2) : MEGABYTES) {
    say(`exchange of ${megabytes} MB of gradients between two nodes`);
    // Small ones are over at once, and noisy.
    const seconds = await measure(megabytes, megabytes < 100 ? 5 * repeats : repeats);
    say(JSON.stringify(seconds));
    rows.push({ megabytes, seconds, ratio: seconds.copy.median / seconds.exchange.median });
  }
  const cells = rows.flatMap(({ megabytes, seconds }) =>
    (Object.keys(WAYS) as Way[]).map((way) => [
      String(megabytes),
      WAYS[way],
      spreadText(seconds[way]),
      (megabytes / seconds[way].median).toFixed(0),
      (seconds.copy.median / seconds[way].median).toFixed(2),
    ]),
  );
  const head = ["MB of gradients", "way", "wall ms: median (min - max)", "MB/s each way", "of the copy's speed"];
  const remark = `Both nodes send and receive so many bytes at once, each in a process of its own. The exchange is a whole one, from the
last gradient to the sum on both: sums of halves to their owners, checked and added there, and sent back, checked again.`;
  return {
    title: "Exchange of gradients between two nodes on loopback",
    markdown: `${table(head, cells)}\n\n${remark}`,
    table: rows,
  };
}
