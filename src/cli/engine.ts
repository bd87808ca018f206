/** `npm run engine`: which engine runs, how it came there, and how fast it is. */
import { CONVOLUTION, convolutionSpeed, type ConvolutionSpeed } from "../engine/flops.ts";
import { loadEngine, type Engine } from "../engine/load.ts";
import { UsageError } from "../base/errors.ts";
import { processors } from "../base/processors.ts";
import { cacheFolder } from "./environment.ts";
import { runProgram } from "./program.ts";
import { asInstalled } from "../base/commands.ts";

/** The result of the set-up, as `scripts/run.mjs` hands it on. */
export interface SetUp {
  readonly engine: string;
  readonly wanted: string;
  readonly gpu: boolean;
  readonly libraries?: string;
  readonly binding?: string;
  readonly reasons: readonly string[];
}

export interface EngineReport {
  readonly engine: Engine["name"];
  readonly version: string;
  readonly device: string;
  readonly threads: number;
  readonly native: boolean;
  readonly gflops: ConvolutionSpeed;
  readonly runtime: string;
  readonly cache: string;
  readonly setUp?: SetUp;
}

const runtimeName = () => {
  const { deno, node } = process.versions;
  return deno ? `Deno ${deno}` : `Node ${node}`;
};

async function examine(): Promise<EngineReport> {
  const { name: engine, version, device, threads, native } = await loadEngine();
  const text = process.env["SCORESTREAM_SETUP"];
  const setUp = text ? { setUp: JSON.parse(text) as SetUp } : {};
  const gflops = convolutionSpeed();
  const runtime = runtimeName();
  return { engine, version, device, threads, native, gflops, runtime, cache: cacheFolder(process.env), ...setUp };
}

/** Describes what the set-up wanted and found. */
function setUpLines({ engine, setUp }: EngineReport): [string, string][] {
  if (!setUp) return [];
  const gpu = setUp.gpu ? "an NVIDIA GPU was found" : "no NVIDIA GPU was found";
  const used = engine === "tensorflow-gpu" ? "and is used" : setUp.gpu ? "but is NOT used" : "";
  const trouble: [string, string][] =
    setUp.engine === "cuda" && engine !== "tensorflow-gpu"
      ? [
          [
            "trouble",
            asInstalled("the CUDA libraries did not open the GPU: TF_CPP_MIN_LOG_LEVEL=0 npm run engine shows why"),
          ],
        ]
      : [];
  return [
    ["asked for", setUp.wanted === "auto" ? "the best there is" : `SCORESTREAM_ENGINE=${setUp.wanted}`],
    ["set up", `${setUp.engine}; ${gpu} ${used}`.trim()],
    ...(setUp.libraries ? [["libraries", setUp.libraries] as [string, string]] : []),
    ...(setUp.binding ? [["binding", setUp.binding] as [string, string]] : []),
    ...trouble,
  ];
}

function threadsText(threads: number): string {
  const { count, quota } = processors();
  return quota !== undefined && threads === count ? `${threads}, by the CPU quota of ${quota}` : String(threads);
}

/** The report as lines for people. */
export function engineReportText(report: EngineReport): string {
  const { engine, version, device, threads, gflops, runtime, cache } = report;
  const speed = (value: number) => `${value.toFixed(value < 10 ? 1 : 0)} GFLOP/s`;
  const lines: [string, string][] = [
    ["engine", `${engine} ${version}`],
    ["device", device],
    ["threads", threadsText(threads)],
    ["runtime", runtime],
    ["measured", CONVOLUTION],
    ["  forward", speed(gflops.forward)],
    ["  grad input", speed(gflops.gradInput)],
    ["  grad filter", speed(gflops.gradFilter)],
    ...setUpLines(report),
    ["cache", cache],
  ];
  return lines.map(([name, value]) => `${name.padEnd(14)}${value}\n`).join("");
}

/** @returns The exit code. @throws UsageError for an option that it does not have. */
async function engineMain(args: readonly string[]): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(
      asInstalled("Usage: npm run engine -- [--json]\n\nShows which engine computes, and what it can do.\n"),
    );
    return 0;
  }
  const unknown = args.find((argument) => argument !== "--json");
  if (unknown !== undefined) throw new UsageError(`${unknown}: there is no such option`, "npm run engine -- --json");
  const report = await examine();
  process.stdout.write(args.length > 0 ? `${JSON.stringify(report)}\n` : engineReportText(report));
  return 0;
}

await runProgram(import.meta.url, engineMain);
