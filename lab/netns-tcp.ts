/**
 * One node of an all-reduce's traffic over plain TCP: in each step every node sends every other its part of the
 * gradient, then its part of the sum. Prints JSON with the seconds of each step.
 *
 * node --import tsx lab/netns-tcp.ts RANK WORLD BYTES STEPS HOST_OF_RANK_0 HOST_OF_RANK_1 ...
 */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

const PORT = 50051;
const [rank, world, bytes, steps] = process.argv.slice(2, 6).map(Number) as [number, number, number, number];
const hosts = process.argv.slice(6);
const part = Buffer.alloc(Math.ceil(bytes / world));

/** Lower ranks are connected to, higher ones connect; the first byte says who. */
async function connections(): Promise<Socket[]> {
  const sockets: Socket[] = [];
  const server = createServer();
  server.listen(PORT, hosts[rank]);
  await once(server, "listening");
  const dialled = hosts.slice(0, rank).map(async (host) => {
    for (;;) {
      const socket = connect({ host, port: PORT, noDelay: true });
      // Refused until the other listens.
      const connected = await Promise.race([
        once(socket, "connect").then(() => true),
        new Promise<boolean>((resolve) => socket.once("error", () => resolve(false))),
      ]);
      if (connected) return sockets.push(socket);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
  const accepted = (async () => {
    for (let i = rank + 1; i < world; i++) {
      const [socket] = (await once(server, "connection")) as [Socket];
      sockets.push(socket.setNoDelay());
    }
  })();
  await Promise.all([...dialled, accepted]);
  server.close();
  return sockets;
}

const sockets = await connections();
const received = sockets.map(() => 0);
let counted: () => void = () => {};
sockets.forEach((socket, i) =>
  socket.on("data", ({ length }) => {
    received[i]! += length;
    counted();
  }),
);

/** Sends a part to every other node and waits until each of theirs has come, `wanted` bytes in all from each. */
function round(wanted: number): Promise<void> {
  for (const socket of sockets) socket.write(part);
  return new Promise((resolve) => {
    counted = () => void (received.every((count) => count >= wanted) && resolve());
    counted();
  });
}

const seconds: number[] = [];
for (let step = 0; step < steps; step++) {
  const started = performance.now();
  await round((2 * step + 1) * part.length);
  await round((2 * step + 2) * part.length);
  seconds.push((performance.now() - started) / 1000);
}
sockets.forEach((socket) => socket.end());
console.log(JSON.stringify({ rank, seconds }));
