/** The standard normal distribution cut to [-limit, limit]. */
import { fillNormal, fillUniform, type Key } from "./random.ts";

/** Beyond it nothing of the distribution is left in float64. */
const END = 9;
const PANELS = 2000;

/** The probability that a standard normal number lies in [-limit, limit], by Simpson's rule. */
export function normalMass(limit: number): number {
  const end = Math.min(limit, END);
  const h = (2 * end) / PANELS;
  let sum = 0;
  for (let i = 0; i <= PANELS; i++) {
    const x = -end + i * h;
    sum += (i === 0 || i === PANELS ? 1 : i % 2 ? 4 : 2) * Math.exp(-0.5 * x * x);
  }
  return (sum * h) / 3 / Math.sqrt(2 * Math.PI);
}

/** Proposals and whether they are taken, for numbers that are left to draw. */
function proposals(key: Key, second: Key, n: number, limit: number): readonly [Float32Array, (i: number) => boolean] {
  const x = new Float32Array(n);
  if (limit >= 1) {
    fillNormal(key, x);
    return [x, (i) => Math.abs(x[i]!) <= limit];
  }
  // Few normal numbers lie in a narrow interval; uniform ones do, and are taken in proportion to the density.
  const taken = new Float32Array(n);
  fillUniform(key, x);
  fillUniform(second, taken);
  x.forEach((u, i) => (x[i] = (2 * u - 1) * limit));
  return [x, (i) => taken[i]! < Math.exp(-0.5 * x[i]! ** 2)];
}

/**
 * Fills `out` with independent numbers of the distribution, by rejection: what is refused is drawn again.
 *
 * @param keyOf Key of an attempt; each attempt takes two.
 */
export function fillTruncatedNormal(keyOf: (attempt: number) => Key, limit: number, out: Float32Array): void {
  let left = Uint32Array.from(out, (_, i) => i);
  for (let attempt = 0; left.length > 0; attempt += 2) {
    const [x, taken] = proposals(keyOf(attempt), keyOf(attempt + 1), left.length, limit);
    left = left.filter((place, i) => {
      out[place] = x[i]!;
      return !taken(i);
    });
  }
}
