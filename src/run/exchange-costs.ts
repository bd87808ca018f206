/** Cost of the exchange to a run: metrics, an estimate once it is known, and a warning where it is too high. */
import type { ExchangeCost } from "../grpc/exchange/node-options.ts";
import type { RunEvent } from "./pipeline.ts";

/** Options of {@link exchangeCosts}. */
export interface ExchangeCostsOptions {
  /** Steps between metrics, and of the whole run. */
  readonly logEvery: number;
  readonly steps: number;
  /** Steps of a round of local steps; absent: every step is exchanged. */
  readonly every?: number | undefined;
  readonly tell: (event: RunEvent) => void;
  /** Milliseconds. */
  readonly now?: () => number;
}

/** Parts of an exchange, in their order. */
const PARTS = ["waiting", "adding", "sending"] as const;

/** Exchanges of single steps behind an estimate; a round is enough. */
const ENOUGH = 10;

const seconds = (value: number) => `${value.toPrecision(2)} s`;
const percent = (part: number) => `${Math.round(100 * part)} %`;

/** Message about a step and an exchange of these seconds, given once; undefined: none. */
function estimate(step: number, exchange: number, every: number | undefined): string | undefined {
  const times = `a step takes ${seconds(step)}, an exchange ${seconds(exchange)}`;
  const share = percent(exchange / (exchange + step * (every ?? 1)));
  if (every !== undefined)
    return `${times}: with exchange.every=${every} nodes spend ${share} of the time on exchanges`;
  if (exchange <= step) return undefined;
  return (
    `warning: ${times}: nodes spend ${share} of the time on exchanges; ` +
    "--set exchange.mode=local lets each take steps of its own between them, in a new workdir: docs/guide/many-machines.md"
  );
}

/**
 * Tells `exchange/seconds`, `exchange/bytes` and `exchange/share`, the part of the time that exchanges take, and
 * the seconds of its parts, `exchange/waiting`, `adding` and `sending`, as means since the last metrics; `exchange/rank` of
 * `exchange/nodes`; with local steps also `exchange/round`, the rounds that were done.
 *
 * @returns A function that takes the cost of each exchange when it ends.
 */
export function exchangeCosts({
  logEvery,
  steps,
  every,
  tell,
  now = () => performance.now(),
}: ExchangeCostsOptions): (cost: ExchangeCost) => void {
  const stride = every ?? 1;
  const parts = { waiting: 0, adding: 0, sending: 0 };
  let timed = 0;
  let [exchanging, bytes, count, since] = [0, 0, 0, undefined as number | undefined];
  // The first exchange is left out: before it graphs are compiled.
  const seen = { exchanging: 0, passed: 0, count: 0 };
  let last: number | undefined;
  return (cost) => {
    const time = now();
    exchanging += cost.seconds;
    bytes += cost.bytes;
    count++;
    if (cost.times) {
      for (const part of PARTS) parts[part] += cost.times[part];
      timed++;
    }
    if (last !== undefined && seen.count < (every ? 1 : ENOUGH)) {
      seen.exchanging += cost.seconds;
      seen.passed += (time - last) / 1000;
      seen.count++;
      if (seen.count === (every ? 1 : ENOUGH)) {
        const step = (seen.passed - seen.exchanging) / seen.count / stride;
        const text = estimate(step, seen.exchanging / seen.count, every);
        if (text) tell({ type: "message", text });
      }
    }
    last = time;
    const step = (cost.step + 1) * stride;
    const due = Math.floor(step / logEvery) > Math.floor((step - stride) / logEvery);
    if (!due && step !== steps) return;
    const metric = (name: string, value: number, unit: string) =>
      tell({ type: "metric", name: `exchange/${name}`, step, value, unit });
    metric("seconds", exchanging / count, "s");
    metric("bytes", bytes / count, "By");
    if (since !== undefined) metric("share", (1000 * exchanging) / (time - since), "1");
    for (const part of PARTS) {
      if (timed > 0) metric(part, parts[part] / timed, "s");
      parts[part] = 0;
    }
    timed = 0;
    metric("rank", cost.rank, "1");
    metric("nodes", cost.nodes, "1");
    if (every) metric("round", step / every, "1");
    [exchanging, bytes, count, since] = [0, 0, 0, time];
  };
}
