import { checkFeatures, type Features } from "./features.ts";

/** log softmax of each row, [rows, dims]. */
function logSoftmax({ data, rows, dims }: Features): Float64Array {
  const out = Float64Array.from(data);
  for (let i = 0; i < rows; i++) {
    const row = out.subarray(i * dims, (i + 1) * dims);
    const max = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const log = max + Math.log(row.reduce((sum, value) => sum + Math.exp(value - max), 0));
    for (let d = 0; d < dims; d++) row[d]! -= log;
  }
  return out;
}

/**
 * Inception score: exp of the mean over images of KL(p(y|x) || p(y)), where p(y) is the mean of p(y|x) over all images.
 *
 * @param logits Of the classes, [N, classes].
 * @returns Between 1 and the number of classes.
 * @throws UsageError when there is no row or a value is not finite.
 * @see Salimans et al., Improved Techniques for Training GANs (2016); tensorflow_gan's classifier_score_from_logits
 */
export function inceptionScore(logits: Features): number {
  checkFeatures(logits, 1);
  const { rows, dims } = logits;
  const logP = logSoftmax(logits);
  const marginal = new Float64Array(dims);
  for (let i = 0; i < logP.length; i++) marginal[i % dims]! += Math.exp(logP[i]!) / rows;
  const logMarginal = marginal.map(Math.log);
  let divergence = 0;
  for (let i = 0; i < logP.length; i++) {
    const p = Math.exp(logP[i]!);
    // A class whose probability underflows takes no part.
    if (p > 0) divergence += p * (logP[i]! - logMarginal[i % dims]!);
  }
  return Math.exp(divergence / rows);
}
