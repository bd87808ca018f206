/** One training step: forward, backward, clip, Adam, average. */
import { medium, small, type BenchCase } from "../cases.ts";
import { compare, type BenchContext, type SectionResult } from "../context.ts";
import { TITLES, type Engine } from "../peer.ts";
import { ratio, type Measurement } from "../rounds.ts";
import { largestDeviation } from "../statistics.ts";
import { measurementTable } from "../tables.ts";

const ENGINES: readonly Engine[] = ["compiled", "eager", "torch", "torchCompile", "jax"];
/** On one thread with dropout: processor time is compared there. */
const ALL: readonly Engine[] = [...ENGINES, "bfloat16", "torchBfloat16", "torchCompileBfloat16"];
/** Where losses are compared. */
const CHECKED: readonly Engine[] = [...ENGINES, "bfloat16"];
const COMPARED = 20;
/** Relative, between the losses of two engines. */
const TOLERANCE = 1e-5;
/** The same in bfloat16. */
const HALF_TOLERANCE = 5e-3;
const DROPOUT = 0.1;

const losses = ({ answers }: Measurement) => answers.flatMap((answer) => answer.losses ?? []);

interface Part {
  readonly name: string;
  readonly threads: number;
  readonly dropout: number;
  readonly measurements: readonly Measurement[];
  /** Largest relative deviation of the first losses from those of ScoreStream, by engine; without dropout only. */
  readonly deviation?: Readonly<Partial<Record<Engine, number>>>;
}

async function measure(context: BenchContext, bench: BenchCase, threads: number, dropout: number): Promise<Part> {
  const steps = bench === small ? 4 : 2;
  const first = 2;
  const check = dropout === 0;
  const measurements = await compare(context, {
    bench,
    engines: check ? CHECKED : threads === 1 ? ALL : ENGINES,
    threads,
    dropout,
    rounds: {
      first: { do: "train", steps: first },
      request: { do: "train", steps },
      units: steps,
      ...(check && { repeats: Math.ceil((COMPARED - first) / steps) }),
    },
  });
  if (!check) return { name: bench.name, threads, dropout, measurements };
  const own = losses(measurements[0]!).slice(0, COMPARED);
  const others = measurements.slice(1).map((m) => [m.engine, largestDeviation(losses(m).slice(0, COMPARED), own)]);
  return { name: bench.name, threads, dropout, measurements, deviation: Object.fromEntries(others) as never };
}

function markdown({ name, threads, dropout, measurements, deviation }: Part): string {
  const { parameters } = measurements[0]!.about;
  const title = `### ${name}, ${parameters!.toLocaleString("en")} parameters, dropout ${dropout}, `;
  const where = threads === 1 ? "one thread on one core" : `${threads} threads`;
  const table = measurementTable(measurements, { unit: "step", reference: "torch" });
  if (!deviation) return `${title}${where}\n\n${table}`;
  const { bfloat16 = 0, ...others } = deviation;
  const worst = Math.max(...Object.values(others));
  const check =
    `Losses of the first ${COMPARED} steps: largest relative deviation from ScoreStream ${worst.toExponential(1)}, ` +
    `of its own in bfloat16 ${bfloat16.toExponential(1)}.`;
  return `${title}${where}\n\n${table}\n\n${check}`;
}

/** Engines whose losses are not those of ScoreStream. */
const differences = (parts: readonly Part[]) =>
  parts.flatMap(({ name, deviation = {} }) =>
    Object.entries(deviation).flatMap(([engine, value]) =>
      value <= (engine === "bfloat16" ? HALF_TOLERANCE : TOLERANCE)
        ? []
        : [`${name}: losses of ${TITLES[engine as Engine]} deviate by ${value.toExponential(1)}`],
    ),
  );

export async function step(context: BenchContext): Promise<SectionResult> {
  const { quick, cores } = context;
  const gate = await measure(context, small, 1, DROPOUT);
  const parts = [gate, await measure(context, small, quick ? 1 : cores, 0)];
  if (!quick) {
    parts.push(await measure(context, small, cores, DROPOUT));
    parts.push(await measure(context, medium, 1, DROPOUT));
    parts.push(await measure(context, medium, cores, 0));
  }
  const halfPeers = ["torchBfloat16", "torchCompileBfloat16"] as const;
  return {
    title: "Training step",
    markdown: parts.map(markdown).join("\n\n"),
    table: parts.map(({ measurements, ...part }) => ({
      ...part,
      measurements: measurements.map(({ answers, ...m }) => ({ ...m, losses: losses({ ...m, answers }) })),
    })),
    differences: differences(parts),
    summary: {
      stepRatioTorch: ratio(gate.measurements, "compiled", "torch"),
      stepRatioTorchCompile: ratio(gate.measurements, "compiled", "torchCompile"),
      stepRatioJax: ratio(gate.measurements, "compiled", "jax"),
      memoryRatioTorch: ratio(gate.measurements, "compiled", "torch", ({ peak }) => peak),
      bfloat16StepRatio: ratio(gate.measurements, "bfloat16", "compiled"),
      bfloat16StepRatioTorch: Math.max(
        ...halfPeers.map((engine) => ratio(gate.measurements, "bfloat16", engine) ?? Number.NaN),
      ),
      bfloat16MemoryRatioTorch: ratio(gate.measurements, "bfloat16", "torch", ({ peak }) => peak),
    },
  };
}
