/** The report of `npm run checkpoint -- inspect` about a checkpoint. */
import { valuesOfArray } from "../data/formats/named-array.ts";
import { digest } from "../models/parameters.ts";
import type { CheckpointFormat } from "../training/checkpoints/checkpoint-formats.ts";
import type { StoredCheckpoint } from "../training/checkpoints/reference-fields.ts";

export interface CheckpointReport {
  readonly file: string;
  readonly format: CheckpointFormat;
  /** Updates applied. */
  readonly step: number;
  /** Number of parameters. */
  readonly count: number;
  /** SHA-256 over the float32 parameters in order, as in a run's JSON. */
  readonly parameters: string;
  /** The same over their average. */
  readonly ema: string;
  /** Learning rate, random key and so on under the reference's names. */
  readonly fields: Readonly<Record<string, number | readonly number[]>>;
  readonly tensors: readonly { readonly name: string; readonly shape: readonly number[]; readonly count: number }[];
}

export function checkpointReport(file: string, format: CheckpointFormat, stored: StoredCheckpoint): CheckpointReport {
  const { layout, snapshot, fields } = stored;
  const values = [...fields].map(([name, array]) => {
    const numbers = Array.from(valuesOfArray(array) as ArrayLike<number | bigint>, Number);
    return [name, array.shape.length ? numbers : numbers[0]!] as const;
  });
  return {
    file,
    format,
    step: snapshot.step,
    count: layout.count,
    parameters: digest(layout, snapshot.parameters),
    ema: digest(layout, snapshot.ema),
    fields: Object.fromEntries(values),
    tensors: layout.slots.map(({ name, shape, size }) => ({ name, shape, count: size })),
  };
}

/** Lines for people: what it is, then a line for each parameter. */
export function checkpointReportText({
  file,
  format,
  step,
  count,
  parameters,
  ema,
  fields,
  tensors,
}: CheckpointReport): string {
  const number = (value: number) => value.toLocaleString("en");
  const about = Object.entries(fields).filter(([name]) => !name.endsWith("step"));
  const lines: [string, string][] = [
    ["file", `${file} (${format})`],
    ["step", number(step)],
    ["parameters", `${number(count)} in ${number(tensors.length)} tensors`],
    ["  SHA-256", parameters],
    ["average", ema],
    ...about.map(([name, value]): [string, string] => [name, String(value)]),
  ];
  const rows = tensors.map((tensor) => [tensor.name, `[${tensor.shape.join(", ")}]`, number(tensor.count)] as const);
  const width = (column: 0 | 1 | 2) => Math.max(0, ...rows.map((row) => row[column].length));
  const [names, shapes, counts] = [width(0), width(1), width(2)];
  return [
    ...lines.map(([name, value]) => `${name.padEnd(15)}${value}\n`),
    "\n",
    ...rows.map(([n, s, c]) => `${n.padEnd(names)}  ${s.padEnd(shapes)}  ${c.padStart(counts)}\n`),
  ].join("");
}
