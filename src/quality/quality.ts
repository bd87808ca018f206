/** The measures of sample quality together, and what must be known to read them. */
import { UsageError } from "../base/errors.ts";
import type { Features, Pause } from "./features.ts";
import { frechetDistance } from "./frechet-distance.ts";
import { inceptionScore } from "./inception-score.ts";
import { kernelDistance, type KernelDistance } from "./kernel-distance.ts";
import { featureStatistics } from "./statistics.ts";
import type { DataStatistics } from "./statistics-file.ts";

export interface Quality {
  readonly fid: number;
  /** Left out where the data's features, or enough samples, are missing. */
  readonly kid?: number;
  /** NaN for a single block of samples. */
  readonly kidStandardError?: number;
  readonly inceptionScore: number;
  /** Samples that were measured. */
  readonly samples: number;
  /** Numbers of `pool_3`. */
  readonly dims: number;
  /** Name of the data statistics that the FID compares with. */
  readonly statistics: string;
  /** Remarks on results that are left out or biased, with the reason. */
  readonly notes: readonly string[];
}

/** Warns when there are no more images than features. */
function rankNote({ name, rows, dims }: Features): string[] {
  if (rows > dims) return [];
  const rank = `${rows} images of ${name} give a covariance of ${dims} features a rank of at most ${rows - 1}`;
  return [`FID: ${rank}, so it is biased; published values are of 50,000 samples`];
}

/** Features of Inception, for which the bias is known. */
const INCEPTION = 2048;

/** Warns of the bias that the number of samples makes; it was measured between draws of one Gaussian. */
export function biasNote({ rows, dims }: Features): string[] {
  if (dims !== INCEPTION || rows <= dims) return [];
  return [
    `FID: with ${rows} samples it comes out too large. The bias falls about as 1 / samples: 16 at 5,000, 3 at 50,000; ` +
      "compare it only with values of as many samples",
  ];
}

async function kid(data: Features | undefined, samples: Features, notes: string[], pause?: Pause) {
  if (!data) {
    notes.push("KID: left out, since it needs the features (pool_3) and the statistics file has only mu and sigma");
    return undefined;
  }
  try {
    return await kernelDistance(data, samples, { shuffled: true, pause });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    notes.push(`KID: ${error.message.split("\n")[0]}`);
    return undefined;
  }
}

/**
 * FID, KID and Inception score of samples.
 *
 * @param pool3 Of the samples, [N, D].
 * @param logits Of the samples, [N, classes].
 * @throws UsageError when there are fewer than 2 samples, the sizes differ, or a number is not finite; what `pause`
 * rejects with.
 * @see the reference's run_lib.py: all samples at once, without splits
 */
export async function measureQuality(
  pool3: Features,
  logits: Features,
  data: DataStatistics,
  pause?: Pause,
): Promise<Quality> {
  const notes = [...rankNote(pool3), ...(data.pool3 ? rankNote(data.pool3) : []), ...biasNote(pool3)];
  const fid = await frechetDistance(data.statistics, await featureStatistics(pool3, pause), pause);
  const found: KernelDistance | undefined = await kid(data.pool3, pool3, notes, pause);
  return {
    fid,
    ...(found && { kid: found.kid, kidStandardError: found.standardError }),
    inceptionScore: inceptionScore(logits),
    samples: pool3.rows,
    dims: pool3.dims,
    statistics: data.statistics.name,
    notes,
  };
}
