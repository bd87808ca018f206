/** So many watchers of a run over gRPC, and as many as are wanted of its page's feed; at the end they tell what came. */
import { MonitorClient } from "../../src/monitor/grpc/monitor-client.ts";
import { parseEndpoint } from "../../src/grpc/endpoint.ts";

const [served, url, count, pages] = process.argv.slice(2) as [string, string, string, string];
/** Watchers that share a connection. */
const SHARING = 50;

const endpoint = parseEndpoint("served", served, false);
const clients = Array.from({ length: Math.ceil(Number(count) / SHARING) }, () => new MonitorClient(endpoint));
const watchers = Array.from({ length: Number(count) }, (_, i) => {
  const state = { first: 0, last: 0, metrics: 0, dropped: 0, error: "" };
  clients[Math.floor(i / SHARING)]!.watch().subscribe({
    next({ sequence, metrics, dropped }) {
      state.first ||= sequence;
      state.last = sequence + metrics.length - 1;
      state.metrics += metrics.length;
      state.dropped += dropped;
    },
    error: (error: Error) => (state.error = error.message),
  });
  return state;
});
let bytes = 0;
for (let i = 0; i < Number(pages); i++) {
  void fetch(`${url}api/feed?points=1000`).then(async ({ body }) => {
    for await (const piece of body!) bytes += (piece as Uint8Array).length;
  });
}
setInterval(() => void fetch(`${url}metrics`).then((answer) => answer.text()), 5000);

process.on("message", (message) => {
  const whole = (last: number) => watchers.filter((w) => w.first === 1 && w.last === last && w.metrics === last && w.error === "").length; // prettier-ignore
  if (message !== "tell") return;
  const last = Math.max(0, ...watchers.map((w) => w.last));
  const dropped = watchers.reduce((n, w) => n + w.dropped, 0);
  const answer = { watchers: watchers.length, whole: whole(last), metrics: last, dropped, bytes, error: watchers.find((w) => w.error)?.error }; // prettier-ignore
  process.send!(answer, () => process.exit(0));
});
