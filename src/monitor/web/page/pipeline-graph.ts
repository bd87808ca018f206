/** The stages of a run as a graph: what they measured, and where they are drawn. */

export interface StageState {
  readonly name: string;
  /** Batches that leave a second. */
  readonly rate: number | undefined;
  /** Batches that wait in it. */
  readonly queue: number | undefined;
  /** Seconds of work on one batch. */
  readonly seconds: number | undefined;
  /** Part of the time it is at work, in [0, 1]. */
  readonly busy: number;
  /** Bytes that it sends in a second. */
  readonly bytesPerSecond?: number | undefined;
  /** Number of this node among those that train together. */
  readonly rank?: number | undefined;
}

type Last = (name: string) => number | undefined;

/** The parts of an exchange, in order; one part where the exchange tells no more. */
const EXCHANGE = ["waiting", "adding", "sending"] as const;

/** The exchange with other nodes, by the metrics that `exchangeCosts` tells; none of a run in one process. */
export function exchangeIn(last: Last): StageState[] {
  const of = (name: string) => last(`exchange/${name}`);
  const [seconds, bytes, share = 0] = [of("seconds"), of("bytes"), of("share")];
  if (!seconds || bytes === undefined) return [];
  const rate = share > 0 ? share / seconds : undefined;
  const box = (name: string, time: number, sends: boolean): StageState => ({
    ...{ name, rate, queue: undefined, seconds: time, busy: Math.min(1, (share * time) / seconds) },
    ...(sends && { bytesPerSecond: bytes / seconds }),
    ...(name === "waiting" && { rank: of("rank") }),
  });
  const parts = EXCHANGE.map((name) => [name, of(name)] as const);
  if (parts.some(([, time]) => time === undefined)) return [box("exchange", seconds, true)];
  return parts.map(([name, time]) => box(name, time!, name === "sending"));
}

/** Puts the exchange where it happens: behind the gradients, or with local steps behind a round of them. */
export function withExchange(stages: readonly StageState[], last: Last): StageState[] {
  const before = last("exchange/round") === undefined ? "score" : "adam";
  const at = stages.findIndex(({ name }) => name === before) + 1;
  return [...stages.slice(0, at), ...exchangeIn(last), ...stages.slice(at)];
}

/** Parts of the time below which nothing is said of them. */
const LITTLE = 0.02;

/** The time that no stage explains; undefined for next to none. @param stepSeconds Of a step. */
export function elsewhere(stages: readonly StageState[], stepSeconds: number | undefined): StageState | undefined {
  const busy = 1 - stages.reduce((sum, stage) => sum + stage.busy, 0);
  if (stepSeconds === undefined || busy < LITTLE) return undefined;
  return { name: "elsewhere", rate: undefined, queue: undefined, seconds: busy * stepSeconds, busy };
}

const FORM = /^(stage|eval_stage\/[^/]+)\/([^/]+)\/(batches_per_second|queue|seconds)$/;
const TRAINING = "stage";

/** The evaluation of a phase, by the names of its stages' metrics. */
const EVALUATIONS: Readonly<Record<string, string>> = {
  evaluating_loss: "eval_stage/loss",
  evaluating_likelihood: "eval_stage/bpd",
  evaluating_bound: "eval_stage/bound",
};

/** First part of the metrics of the stages that are at work in a phase. */
export const stagesOfPhase = (phase: string | undefined): string => EVALUATIONS[phase ?? ""] ?? TRAINING;

/** True when a metric is one of a stage. */
export const isStageMetric = (name: string): boolean => FORM.test(name);

/** The stages in the order of their metrics, which is that of the pipeline. @param last The newest value of a metric. */
export function stagesIn(names: Iterable<string>, last: Last, part = TRAINING): StageState[] {
  const found = new Set<string>();
  for (const name of names) {
    const [, of, stage] = FORM.exec(name) ?? [];
    if (of === part && stage !== undefined) found.add(stage);
  }
  return [...found].map((name) => {
    const [rate, queue, seconds] = ["batches_per_second", "queue", "seconds"].map((key) =>
      last(`${part}/${name}/${key}`),
    );
    return { name, rate, queue, seconds, busy: Math.min(1, (rate ?? 0) * (seconds ?? 0)) };
  });
}

/** The stage that is at work for the longest part of the time: the one to make faster. */
export function slowest(stages: readonly StageState[]): StageState | undefined {
  const busiest = stages.reduce<StageState | undefined>((a, b) => (a && a.busy >= b.busy ? a : b), undefined);
  return busiest && busiest.busy > 0 ? busiest : undefined;
}

export interface NodePlace {
  /** Left and upper edge. */
  readonly x: number;
  readonly y: number;
}

export interface Edge {
  readonly from: NodePlace;
  readonly to: NodePlace;
  /** Goes down rather than sideways. */
  readonly down: boolean;
}

export interface Layout {
  readonly boxes: readonly NodePlace[];
  /** Edges between neighbours, from border to border. */
  readonly edges: readonly Edge[];
  readonly width: number;
  readonly height: number;
}

export interface BoxSize {
  readonly width: number;
  readonly height: number;
  /** Gaps between boxes of a row, and between rows. */
  readonly gapX: number;
  readonly gapY: number;
}

/**
 * Places a chain of boxes in rows that turn at the border, the first from left to right and the next back, so that
 * every edge is short: in a narrow space it is one column.
 *
 * @param space Width there is.
 */
export function layoutChain(count: number, space: number, { width, height, gapX, gapY }: BoxSize): Layout {
  const fitting = Math.max(1, Math.floor((space + gapX) / (width + gapX)));
  // Rows of about one length look better than full ones and a rest.
  const columns = Math.max(1, Math.ceil(count / Math.ceil(count / fitting)) || 0);
  const rows = Math.ceil(count / columns);
  const boxes = Array.from({ length: count }, (_, i): NodePlace => {
    const row = Math.floor(i / columns);
    const along = i % columns;
    return { x: (row % 2 === 0 ? along : columns - 1 - along) * (width + gapX), y: row * (height + gapY) };
  });
  const edges = boxes.slice(1).map((to, i): Edge => {
    const from = boxes[i]!;
    if (from.y !== to.y) {
      return { from: { x: from.x + width / 2, y: from.y + height }, to: { x: to.x + width / 2, y: to.y }, down: true };
    }
    const right = to.x > from.x;
    const middle = from.y + height / 2;
    return {
      from: { x: from.x + (right ? width : 0), y: middle },
      to: { x: to.x + (right ? 0 : width), y: middle },
      down: false,
    };
  });
  return {
    boxes,
    edges,
    width: Math.max(0, columns * (width + gapX) - gapX),
    height: Math.max(0, rows * (height + gapY) - gapY),
  };
}
