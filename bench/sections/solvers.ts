/** Likelihood evaluation and sampling by the probability flow ODE, beside PyTorch with scipy's solver. */
import { benchCase, type BenchCase } from "../cases.ts";
import { IMAGES } from "../case-file.ts";
import { compare, type BenchContext, type SectionResult } from "../context.ts";
import type { Request } from "../protocol.ts";
import type { Measurement } from "../rounds.ts";
import { largestDeviation, type Spread } from "../statistics.ts";
import { measurementTable, table } from "../tables.ts";
import { TITLES } from "../peer.ts";

/** The network of the small model with an output that is not nearly 0, as after training. */
const solved: BenchCase = benchCase("solved", { nf: 32, numResBlocks: 1, batchSize: 16, initScale: 1 });

const last = ({ answers }: Measurement) => answers.at(-1)!;

/** Images in a second: median, least and most; `wall` is of an image. */
const rate = ({ min, median, max }: Spread) =>
  `${(1 / median).toPrecision(3)} (${(1 / max).toPrecision(3)} - ${(1 / min).toPrecision(3)})`;

async function solver(context: BenchContext, title: string, request: Request): Promise<SectionResult> {
  const threads = [1, ...(context.quick ? [] : [context.cores])];
  const parts: { threads: number; measurements: Measurement[] }[] = [];
  for (const count of threads) {
    const measurements = await compare(context, {
      bench: solved,
      engines: ["compiled", "torch"],
      threads: count,
      dropout: 0,
      // The first run is a whole one, but loosely: it compiles and warms up.
      rounds: { first: { ...request, tolerance: 1e-1 }, request, units: IMAGES },
    });
    parts.push({ threads: count, measurements });
  }
  const text = parts.map(({ threads, measurements }) => {
    const speed = table(
      ["engine", "images/s: median (min - max)", "evaluations"],
      measurements.map((m) => [TITLES[m.engine], rate(m.wall), String(last(m).evaluations)]),
    );
    const [own, other] = measurements.map((m) => last(m).values!) as [number[], number[]];
    const deviation = `Largest relative deviation of the results: ${largestDeviation(other, own).toExponential(1)}.`;
    const head = `### ${IMAGES} images, tolerance ${request.tolerance}, ${threads === 1 ? "one thread on one core" : `${threads} threads`}`;
    return [head, measurementTable(measurements, { unit: "image", reference: "torch" }), speed, deviation].join("\n\n");
  });
  return { title, markdown: text.join("\n\n"), table: parts };
}

const TOLERANCE = 1e-3;

export const likelihood = (context: BenchContext) =>
  solver(context, "Likelihood by the probability flow ODE", { do: "likelihood", eps: 1e-5, tolerance: TOLERANCE });

export const sampling = (context: BenchContext) =>
  solver(context, "Sampling by the probability flow ODE", { do: "sample", eps: 1e-3, tolerance: TOLERANCE });
