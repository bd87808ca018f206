/** Measures how the cost of a step grows with the batch and with the width. */
import { benchCase } from "../cases.ts";
import { compare, type BenchContext, type SectionResult } from "../context.ts";
import { ratio, type Measurement } from "../rounds.ts";
import { megabytes, spreadText, table } from "../tables.ts";

const SIZES = [
  { nf: 32, batchSize: 4 },
  { nf: 32, batchSize: 16 },
  { nf: 32, batchSize: 64 },
  { nf: 16, batchSize: 16 },
  { nf: 64, batchSize: 16 },
];

export async function growth(context: BenchContext): Promise<SectionResult> {
  const sizes = context.quick ? SIZES.slice(0, 2) : SIZES;
  const repeats = Math.min(context.repeats, 3);
  const rows: { nf: number; batchSize: number; measurements: Measurement[] }[] = [];
  for (const { nf, batchSize } of sizes) {
    const measurements = await compare(context, {
      bench: benchCase(`nf ${nf}, batch ${batchSize}`, { nf, batchSize, numResBlocks: 1 }),
      engines: ["compiled", "torch"],
      threads: 1,
      dropout: 0.1,
      rounds: { first: { do: "train", steps: 2 }, request: { do: "train", steps: 2 }, units: 2, repeats },
    });
    rows.push({ nf, batchSize, measurements });
  }
  const cells = rows.map(({ nf, batchSize, measurements }) => {
    const [own, torch] = measurements as [Measurement, Measurement];
    return [
      String(nf),
      String(batchSize),
      spreadText(own.cpu),
      ((own.cpu.median * 1000) / batchSize).toPrecision(3),
      spreadText(torch.cpu),
      ratio(measurements, "compiled", "torch")!.toFixed(2),
      megabytes(own.peak),
      megabytes(torch.peak),
    ];
  });
  const head = ["nf", "batch", "ScoreStream, CPU ms a step", "an image", "PyTorch, CPU ms a step", "ratio"];
  return {
    title: "Growth with batch and width (one thread, dropout 0.1)",
    markdown: table([...head, "ScoreStream peak MB", "PyTorch peak MB"], cells),
    table: rows,
  };
}
