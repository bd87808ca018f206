/** Counter-based random numbers: Threefry-2x32 with 20 rounds, the generator of jax.random. */

/** Two 32-bit words. */
export type Key = readonly [number, number];

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;

/** One block of Threefry-2x32: encrypts the counter (x0, x1) under the key. */
export function threefry(key: Key, x0: number, x1: number): [number, number] {
  const k0 = key[0] | 0;
  const k1 = key[1] | 0;
  const ks = [k0, k1, k0 ^ k1 ^ 0x1bd11bda];
  let a = (x0 + k0) | 0;
  let b = (x1 + k1) | 0;
  for (let round = 0; round < 20; round++) {
    const r = ROTATIONS[round & 7]!;
    a = (a + b) | 0;
    b = ((b << r) | (b >>> (32 - r))) ^ a;
    if ((round & 3) === 3) {
      const s = (round >> 2) + 1;
      a = (a + ks[s % 3]!) | 0;
      b = (b + ks[(s + 1) % 3]! + s) | 0;
    }
  }
  return [a >>> 0, b >>> 0];
}

/** FNV-1a, to turn the name of a purpose into a word. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/** The key of a seed, like `jax.random.PRNGKey`. */
const seedKey = (seed: number): Key => [Math.floor(seed / 2 ** 32) >>> 0, seed >>> 0];

/**
 * The key of (seed, ...path): every number drawn in a run is a function of such a path and its index.
 *
 * @param path Integers (step, shard ...) and names of purposes ("noise", "time" ...), folded in one after another.
 * @see jax.random.fold_in
 */
export function randomKey(seed: number, ...path: readonly (number | string)[]): Key {
  return path.reduce<Key>((key, part) => {
    const [hi, lo] = typeof part === "string" ? [1, hash(part)] : seedKey(part);
    return threefry(key, hi, lo);
  }, seedKey(seed));
}

/** Calls `use` with each of the two words of counter blocks until `n` words are used. */
function fillWords(key: Key, n: number, set: (i: number, word: number) => void): void {
  for (let i = 0; i < n; i += 2) {
    const [a, b] = threefry(key, i >>> 1, 0);
    set(i, a);
    if (i + 1 < n) set(i + 1, b);
  }
}

/** Uniform in [0, 1) with 24 bits. */
export function fillUniform(key: Key, out: Float32Array | Float64Array): void {
  fillWords(key, out.length, (i, word) => {
    out[i] = (word >>> 8) / 2 ** 24;
  });
}

/** Standard normal numbers by Box-Muller in float64. */
export function fillNormal(key: Key, out: Float32Array): void {
  for (let i = 0; i < out.length; i += 2) {
    const [a, b] = threefry(key, i >>> 1, 0);
    const radius = Math.sqrt(-2 * Math.log((a + 0.5) / 2 ** 32));
    const angle = (2 * Math.PI * b) / 2 ** 32;
    out[i] = radius * Math.cos(angle);
    if (i + 1 < out.length) out[i + 1] = radius * Math.sin(angle);
  }
}
