/** Writes the results of the bench. */
import type { SectionResult, Summary } from "./context.ts";
import { REQUIREMENTS } from "./environment.ts";
import { machine } from "./machine.ts";
import type { BenchOptions, SectionName } from "./options.ts";
import { table } from "./tables.ts";

type Results = readonly (readonly [SectionName, SectionResult])[];

const MEANING: Readonly<Record<keyof Summary, string>> = {
  stepRatioTorch: "CPU time of a step, compiled, of PyTorch eager's",
  stepRatioTorchCompile: "the same, of torch.compile's",
  stepRatioJax: "the same, of JAX's",
  memoryRatioTorch: "peak memory, compiled, of PyTorch eager's",
  bfloat16StepRatio: "CPU time of a step in bfloat16, of our float32 step's",
  bfloat16StepRatioTorch: "the same, of the faster of PyTorch's under autocast to bfloat16, eager or compiled",
  bfloat16MemoryRatioTorch: "peak memory in bfloat16, of PyTorch eager's in float32",
  stageShare: "wall time of the stages without a network, of a compiled step's",
  dataReadRatio: "MB/s from shards read one after the other, of PyArrow's from the same files",
};

const summaryOf = (results: Results): Summary =>
  Object.assign({}, ...results.map(([, { summary }]) => summary)) as Summary;

const METHOD = `Every engine runs in a process of its own with the same parameters and inputs; rounds are interleaved. CPU time is
\`getrusage\`'s of all threads. "One thread on one core" means one computing thread and the process pinned to a core. Peak memory
is the kernel's VmHWM, recording and compiling included; the PyTorch wheel is the CUDA build, and the resident part of its
CUDA libraries is left out. The first run (two steps) includes recording or compiling; torch.compile finds what an earlier bench
compiled in its cache.`;

export function markdownReport(results: Results, options: BenchOptions, seconds: number): string {
  const summary = summaryOf(results);
  const gates = (Object.keys(MEANING) as (keyof Summary)[]).flatMap((key) =>
    summary[key] === undefined ? [] : [[`\`${key}\``, summary[key].toFixed(3), MEANING[key]]],
  );
  const about = Object.entries(machine(REQUIREMENTS));
  const parts = [
    "# Bench",
    `Written by \`npm run bench\`${options.quick ? " in its short form (`--quick`)" : ""} in ${Math.round(seconds / 60)} minutes, ${options.repeats} repeats.`,
    ...(gates.length ? [table(["small model", "median ratio", "meaning"], gates)] : []),
    METHOD,
    ...results.map(([, { title, markdown }]) => `## ${title}\n\n${markdown}`),
    "## Machine and versions",
    table(["what", "which"], about),
  ];
  return `${parts.join("\n\n")}\n`;
}

export function jsonReport(results: Results, options: BenchOptions, seconds: number): string {
  const tables = Object.fromEntries(results.map(([name, { table }]) => [name, table]));
  const { quick, repeats } = options;
  const report = { ...summaryOf(results), quick, repeats, seconds, machine: machine(REQUIREMENTS), sections: tables };
  return `${JSON.stringify(report, null, 2)}\n`;
}
