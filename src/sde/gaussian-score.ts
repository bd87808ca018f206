import type { SDE } from "./sde.ts";
import type { ExactScore } from "./score-function.ts";

export interface GaussianData {
  /** Shape of one example, of D numbers. */
  readonly shape: readonly number[];
  /** [D]. */
  readonly mean: ArrayLike<number>;
  /** [D], greater than 0. */
  readonly std: ArrayLike<number>;
}

/**
 * The exact score of data ~ N(mean, diag(std^2)) under an SDE: p_t = N(alpha_t mean, alpha_t^2 std^2 + sigma_t^2).
 *
 * @throws RangeError when mean, std and shape do not fit.
 */
export function gaussianScore({ shape, mean, std }: GaussianData, sde: SDE): ExactScore {
  const dims = shape.reduce((a, b) => a * b, 1);
  if (mean.length !== dims || std.length !== dims) {
    throw new RangeError(
      `gaussianScore: shape [${shape}] needs ${dims} means and stds, got ${mean.length}, ${std.length}`,
    );
  }
  /** Calls `use` with every index, x - alpha mean, and the inverse variance. */
  const each = (
    x: Float32Array,
    t: Float64Array,
    use: (i: number, b: number, difference: number, v: number) => void,
  ) => {
    t.forEach((time, b) => {
      const alpha = sde.meanCoeff(time);
      const sigma2 = sde.std(time) ** 2;
      for (let d = 0; d < dims; d++) {
        const i = b * dims + d;
        use(i, b, x[i]! - alpha * mean[d]!, 1 / ((alpha * std[d]!) ** 2 + sigma2));
      }
    });
  };

  return {
    shape,
    score(x, t) {
      const score = new Float32Array(x.length);
      each(x, t, (i, _, difference, precision) => (score[i] = -difference * precision));
      return score;
    },
    scoreAndDivergence(x, t, probe) {
      const score = new Float32Array(x.length);
      const divergence = new Float64Array(t.length);
      each(x, t, (i, b, difference, precision) => {
        score[i] = -difference * precision;
        divergence[b]! -= precision * probe[i]! ** 2;
      });
      return { score, divergence };
    },
  };
}
