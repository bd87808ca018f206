/** Published results on the same data, with their settings as far as the source states them. */
import type { Anchor, AnchorSettings } from "../../monitor/report/report.ts";
import type { Config } from "../config.ts";
import { weightingOf } from "../from-config.ts";

const LIKELIHOOD_PAPER =
  "Song, Durkan, Murray, Ermon 2021 (the paper of this program), abstract; settings by summaries of it";
const SDE_PAPER = "Song et al. 2021, Score-Based Generative Modeling through SDEs, Table 2";
const QUOTED = "quoted in later comparisons, not checked against the paper's own table";
const SUMMARY = "a public summary of the same paper, not checked against the paper's own table";
const PSLD = "Pandey, Mandt 2023, A Complete Recipe for Diffusion Generative Models, Table 2";
const WARM_START = "Shen, Gan, Ling 2025, Information Theoretic Learning for Diffusion Models, Table 1";
const I_DODE = "Zheng et al. 2023, i-DODE";

/** Velocity prediction, with times that no row of ours is exactly. */
const TRUNCATED: AnchorSettings = { dequantization: "truncated" };

/**
 * Results of the likelihood paper. Other papers quote values that are not in its abstract, without naming all settings.
 */
const scoreFlow = (bpd: number): Anchor => ({
  ...{ name: "ScoreFlow", bpd, source: LIKELIHOOD_PAPER },
  settings: { weighting: "importance", dequantization: "variational" },
});
const scoreFlowBound = (bound: number): Anchor => ({ name: "ScoreFlow", bound, source: QUOTED });
const scoreFlowQuoted = (bpd: number, fid: number, settings: AnchorSettings, source = WARM_START): Anchor => ({
  ...{ name: "ScoreFlow, as quoted", bpd, fid, settings, source },
});
/** Its rows on what the weighting does; the summary does not tell networks and dequantizations apart. */
const weighted = (weighting: NonNullable<AnchorSettings["weighting"]>, bpd: number, fid: number): Anchor => ({
  ...scoreFlowQuoted(bpd, fid, { sde: "vp", weighting }, SUMMARY),
  ...(weighting === "original" && { name: "ScoreFlow, baseline" }),
});

/** Trained without likelihood weighting; FID of samples by the ODE. */
const baseline = (network: string, sde: "vp" | "subvp", bpd: number, fid: number): Anchor => ({
  ...{ name: "Score SDE", bpd, fid, source: SDE_PAPER },
  settings: { network, sde, weighting: "original", dequantization: "uniform" },
});

/** Published bits/dim on CIFAR-10, for the report. */
export const cifar10Published: readonly Anchor[] = [
  scoreFlow(2.83),
  scoreFlowBound(2.9),
  scoreFlowQuoted(2.8, 5.34, { sde: "vp" }, `${WARM_START}; VP: ${PSLD}`),
  weighted("importance", 2.83, 6.03),
  weighted("likelihood", 2.94, 5.18),
  weighted("original", 3.04, 3.98),
  baseline("DDPM++", "vp", 3.16, 3.93),
  baseline("DDPM++", "subvp", 3.02, 3.16),
  baseline("DDPM++ deep", "vp", 3.13, 3.08),
  baseline("DDPM++ deep", "subvp", 2.99, 2.92),
  { name: "VDM", discreteBound: 2.65, fid: 7.6, source: WARM_START },
  { name: "i-DODE", bpd: 2.56, fid: 11.2, settings: TRUNCATED, source: WARM_START },
  { name: "MuLAN", bpd: 2.55, fid: 17.62, source: WARM_START },
  { name: "FLIF", code: 4.19 },
  { name: "JPEG 2000", code: 5.2 },
  { name: "PNG", code: 5.89 },
];

export const imagenet32Published: Readonly<Record<"old" | "new", readonly Anchor[]>> = {
  old: [
    scoreFlow(3.76),
    scoreFlowBound(3.86),
    scoreFlowQuoted(3.79, 11.2, {}),
    { name: "VDM", discreteBound: 3.72, source: WARM_START },
    { name: "i-DODE", bpd: 3.69, settings: TRUNCATED, source: I_DODE },
    { name: "MuLAN", bpd: 3.67, fid: 13.19, source: WARM_START },
  ],
  new: [{ name: "i-DODE", bpd: 3.43, settings: TRUNCATED, source: I_DODE }],
};

/** The paper's name of the network, or what it has. */
function networkName({ nf, chMult, numResBlocks, attnResolutions }: Config["model"]): string {
  const published = nf === 128 && chMult.join() === "1,2,2,2" && attnResolutions.join() === "16";
  if (published && numResBlocks === 4) return "DDPM++";
  if (published && numResBlocks === 8) return "DDPM++ deep";
  return `${nf} channels, ${numResBlocks} block${numResBlocks === 1 ? "" : "s"} a level`;
}

/** The settings of a run that published rows are told apart by. */
export const settingsOf = (config: Config): Required<AnchorSettings> => ({
  network: networkName(config.model),
  sde: config.sde,
  weighting: weightingOf(config),
  dequantization: config.eval.dequantizer ? "variational" : config.eval.dequantization,
});

/** Marks the rows whose settings are all known and equal those of the run. */
export function marked(rows: readonly Anchor[], config: Config): Anchor[] {
  const own = Object.entries(settingsOf(config));
  return rows.map((row) => {
    const settings: Readonly<Record<string, unknown>> = { ...row.settings };
    return own.every(([key, value]) => settings[key] === value) ? { ...row, same: true } : row;
  });
}
