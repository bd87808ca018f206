/** The table at the end of a run, and the JSON object of `--json`. */
import { join } from "node:path";
import { duration, short, withError } from "../base/format.ts";
import type { Summary } from "../run/pipeline.ts";

/** "key  value" lines for what the run reached and where things are. */
export function summaryTable(summary: Partial<Summary>): string {
  const { pipeline, preset, mode, bpd, bound, evalLoss, exactBpd, evalImages, steps, secondsPerStep, workdir } =
    summary;
  const { split, dequantization, importanceSamples, emaRate } = summary;
  const images = evalImages === undefined ? [] : [[evalImages, split, "images"].filter(Boolean).join(" ")];
  const noise = dequantization === undefined ? [] : [`${dequantization} dequantization`];
  const draws = importanceSamples === undefined ? [] : [`importance-weighted over ${importanceSamples} draws`];
  const average = emaRate === undefined ? [] : [`average of decay ${emaRate}`];
  const all = (...texts: string[][]) => texts.flat().join(", ");
  // The bound on discrete data has no noise.
  const bounded = dequantization === "truncated" ? ["on discrete data"] : noise;
  const rows: [string, string | number | undefined][] = [
    ["data", summary.data],
    ["steps", steps === undefined ? undefined : `${steps}${secondsPerStep ? `, ${short(secondsPerStep)} s each` : ""}`],
    ["resumed from", summary.resumedFrom === undefined ? undefined : `step ${summary.resumedFrom}`],
    ["loss", summary.loss === undefined ? undefined : short(summary.loss)],
    [
      "bits/dim",
      bpd === undefined
        ? undefined
        : `${withError(bpd, summary.bpdStandardError)} (${all(["ODE"], images, noise, draws, average)})`,
    ],
    [
      "bound",
      bound === undefined
        ? undefined
        : `${withError(bound, summary.boundStandardError)} bits/dim${split === undefined ? "" : ` (${all(images, bounded, average)})`}`,
    ],
    [
      "data loss",
      evalLoss === undefined
        ? undefined
        : withError(evalLoss, summary.evalLossStandardError) +
          (split === undefined ? "" : ` (${all(images, average)})`),
    ],
    [
      "exact",
      exactBpd === undefined ? undefined : `${exactBpd.toFixed(4)} bits/dim, from the exact density of the data`,
    ],
    ["FID", summary.fid && short(summary.fid)],
    ["inception score", summary.inceptionScore && short(summary.inceptionScore)],
    ["KID", summary.kid && short(summary.kid)],
    ["checkpoint", summary.checkpoint],
    ["samples", summary.samples],
    ["report", summary.report],
    ["config", workdir && join(workdir, "config.json")],
    ["metrics", workdir && join(workdir, "metrics.jsonl")],
    ["parameters", summary.parameters && `SHA-256 ${summary.parameters.slice(0, 16)}`],
    ["peak memory", summary.peakMemoryMB === undefined ? undefined : `${summary.peakMemoryMB} MiB`],
    ["energy", summary.energyJoules && `${short(summary.energyJoules / 3.6e6)} kWh, of the GPUs`],
  ];
  const how = summary.stoppedBy ? `stopped by ${summary.stoppedBy}` : summary.error ? "failed" : "done";
  const head = `${pipeline} (${[mode, preset].filter(Boolean).join(", ")}): ${how} after ${duration(summary.seconds ?? 0)}`;
  const shown = rows.filter(([, value]) => value !== undefined && value !== "");
  const width = Math.max(...shown.map(([key]) => key.length));
  return [head, ...shown.map(([key, value]) => `  ${key.padEnd(width)}  ${value}`)].join("\n");
}

/** One line; keys in the contract's order, absent ones left out. */
export function summaryJson(summary: Partial<Summary>): string {
  const { pipeline, mode, preset, engine, device, steps, loss, bpd, bound, fid, inceptionScore, kid, ...rest } =
    summary;
  return JSON.stringify({ pipeline, mode, preset, engine, device, steps, loss, bpd, bound, fid, inceptionScore, kid, ...rest }); // prettier-ignore
}
