/**
 * Counter-based random numbers: Threefry-2x32 with 20 rounds, the generator of jax.random.
 *
 * No state: number `i` of a stream is a function of its key and of `i`, and a key is a function of a path such as
 * (seed, "noise", step, shard). Stopping, resuming and moving work between nodes therefore change no number.
 *
 * @see Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3 (2011)
 */
import { UsageError } from "./errors.ts";

/** Two 32-bit words, each in [0, 2^32). */
export type Key = readonly [number, number];

/**
 * The use of a random number: "dequantize", "time", "noise", "flip", "shuffle", "dropout", "probe", "prior", "init" ...
 */
export type Purpose = string;

/** Encrypts the counters (x0, x1), (x0 + 1, x1) ... under the key and writes two words for each. */
function fillBlocks(key: Key, x0: number, x1: number, out: Uint32Array): void {
  const k0 = key[0] | 0;
  const k1 = key[1] | 0;
  const k2 = k0 ^ k1 ^ 0x1bd11bda;
  const n = out.length;
  for (let i = 0, counter = x0 | 0; i < n; i += 2, counter = (counter + 1) | 0) {
    let a = (counter + k0) | 0;
    let b = (x1 + k1) | 0;
    a = (a + b) | 0;
    b = ((b << 13) | (b >>> 19)) ^ a;
    a = (a + b) | 0;
    b = ((b << 15) | (b >>> 17)) ^ a;
    a = (a + b) | 0;
    b = ((b << 26) | (b >>> 6)) ^ a;
    a = (a + b) | 0;
    b = ((b << 6) | (b >>> 26)) ^ a;
    a = (a + k1) | 0;
    b = (b + k2 + 1) | 0;
    a = (a + b) | 0;
    b = ((b << 17) | (b >>> 15)) ^ a;
    a = (a + b) | 0;
    b = ((b << 29) | (b >>> 3)) ^ a;
    a = (a + b) | 0;
    b = ((b << 16) | (b >>> 16)) ^ a;
    a = (a + b) | 0;
    b = ((b << 24) | (b >>> 8)) ^ a;
    a = (a + k2) | 0;
    b = (b + k0 + 2) | 0;
    a = (a + b) | 0;
    b = ((b << 13) | (b >>> 19)) ^ a;
    a = (a + b) | 0;
    b = ((b << 15) | (b >>> 17)) ^ a;
    a = (a + b) | 0;
    b = ((b << 26) | (b >>> 6)) ^ a;
    a = (a + b) | 0;
    b = ((b << 6) | (b >>> 26)) ^ a;
    a = (a + k0) | 0;
    b = (b + k1 + 3) | 0;
    a = (a + b) | 0;
    b = ((b << 17) | (b >>> 15)) ^ a;
    a = (a + b) | 0;
    b = ((b << 29) | (b >>> 3)) ^ a;
    a = (a + b) | 0;
    b = ((b << 16) | (b >>> 16)) ^ a;
    a = (a + b) | 0;
    b = ((b << 24) | (b >>> 8)) ^ a;
    a = (a + k1) | 0;
    b = (b + k2 + 4) | 0;
    a = (a + b) | 0;
    b = ((b << 13) | (b >>> 19)) ^ a;
    a = (a + b) | 0;
    b = ((b << 15) | (b >>> 17)) ^ a;
    a = (a + b) | 0;
    b = ((b << 26) | (b >>> 6)) ^ a;
    a = (a + b) | 0;
    b = ((b << 6) | (b >>> 26)) ^ a;
    out[i] = a + k2;
    if (i + 1 < n) out[i + 1] = b + k0 + 5;
  }
}

/** One block of Threefry-2x32: encrypts the counter (x0, x1) under the key. */
export function threefry(key: Key, x0: number, x1: number): [number, number] {
  const out = new Uint32Array(2);
  fillBlocks(key, x0, x1, out);
  return [out[0]!, out[1]!];
}

/** FNV-1a, to turn the name of a purpose into a word. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/** The two words of a seed, like `jax.random.PRNGKey` with 64-bit integers. */
function seedKey(seed: number): Key {
  if (!Number.isSafeInteger(seed)) {
    throw new UsageError(`a seed must be an integer, got ${seed}`, "give an integer such as 42");
  }
  return [Math.floor(seed / 2 ** 32) >>> 0, seed >>> 0];
}

/**
 * The key of (seed, ...path): every number drawn in a run is a function of such a path and its index.
 *
 * @param path Integers (step, shard ...) and names of purposes ("noise", "time" ...), folded in one after another.
 * @throws UsageError when the seed or a number of the path is not an integer.
 * @see jax.random.fold_in
 */
export function randomKey(seed: number, ...path: readonly (number | Purpose)[]): Key {
  return path.reduce<Key>((key, part) => {
    // A word that no step or shard number has, so that names and integers cannot meet.
    const [hi, lo] = typeof part === "string" ? [0x5c0e5eed, hash(part)] : seedKey(part);
    return threefry(key, hi, lo);
  }, seedKey(seed));
}

/** Words are made in pieces of this size, which stay in the first-level cache. */
const PIECE = 2048;

/** Calls `use` with pieces of the key's stream of words, `perNumber` words for each of `n` numbers. */
function forPieces(
  key: Key,
  n: number,
  perNumber: number,
  use: (words: Uint32Array, first: number, count: number) => void,
) {
  const step = PIECE / perNumber;
  const words = new Uint32Array(Math.min(PIECE, 2 * Math.ceil((n * perNumber) / 2)));
  for (let first = 0; first < n; first += step) {
    fillBlocks(key, (first * perNumber) / 2, 0, words);
    use(words, first, Math.min(step, n - first));
  }
}

/** The key's stream of 32-bit words: word i is half of block floor(i / 2). */
export function fillBits(key: Key, out: Uint32Array): void {
  fillBlocks(key, 0, 0, out);
}

/** Uniform in [0, 1): multiples of 2^-24 in a Float32Array, of 2^-53 in a Float64Array. */
export function fillUniform(key: Key, out: Float32Array | Float64Array): void {
  if (out instanceof Float32Array) {
    forPieces(key, out.length, 1, (words, first, count) => {
      for (let i = 0; i < count; i++) out[first + i] = (words[i]! >>> 8) * 2 ** -24;
    });
  } else {
    forPieces(key, out.length, 2, (words, first, count) => {
      for (let i = 0; i < count; i++) {
        out[first + i] = ((words[2 * i]! >>> 5) * 2 ** 26 + (words[2 * i + 1]! >>> 6)) * 2 ** -53;
      }
    });
  }
}

/** Standard normal numbers by Box-Muller in float64; the largest possible magnitude is 6.8. */
export function fillNormal(key: Key, out: Float32Array): void {
  forPieces(key, out.length, 1, (words, first, count) => {
    for (let i = 0; i < count; i += 2) {
      // Half a unit up keeps the logarithm finite.
      const radius = Math.sqrt(-2 * Math.log((words[i]! + 0.5) * 2 ** -32));
      const angle = words[i + 1]! * (2 * Math.PI * 2 ** -32);
      out[first + i] = radius * Math.cos(angle);
      if (i + 1 < count) out[first + i + 1] = radius * Math.sin(angle);
    }
  });
}

/** -1 or 1, each with probability one half: the probe of Hutchinson's trace estimator. */
export function fillRademacher(key: Key, out: Float32Array): void {
  const words = new Uint32Array(Math.ceil(out.length / 32));
  fillBits(key, words);
  for (let i = 0; i < out.length; i++) out[i] = 1 - 2 * ((words[i >>> 5]! >>> (i & 31)) & 1);
}

/** Draws integers in [0, n) without bias: words past the last multiple of n are thrown away. */
function integers(key: Key, expected: number): (n: number) => number {
  const words = new Uint32Array(Math.min(PIECE, Math.max(2, 2 * Math.ceil(expected / 2))));
  let block = 0;
  let used = words.length;
  return (n) => {
    const limit = 2 ** 32 - (2 ** 32 % n);
    for (;;) {
      if (used === words.length) {
        fillBlocks(key, block, 0, words);
        block += words.length / 2;
        used = 0;
      }
      const word = words[used++]!;
      if (word < limit) return word % n;
    }
  };
}

function checkCount(name: string, n: number): void {
  if (!Number.isInteger(n) || n < 1 || n > 2 ** 32) {
    throw new UsageError(`${name}: n must be an integer in [1, 2^32], got ${n}`, "check the number of examples");
  }
}

/**
 * An integer in [0, n), every one with the same probability.
 *
 * @throws UsageError when n is not an integer in [1, 2^32].
 */
export function uniformInt(key: Key, n: number): number {
  checkCount("uniformInt", n);
  return integers(key, 2)(n);
}

/**
 * A permutation of 0 ... n - 1 by Fisher-Yates, every one with the same probability.
 *
 * @throws UsageError when n is not an integer in [1, 2^32].
 */
export function permutation(key: Key, n: number): Uint32Array {
  checkCount("permutation", n);
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  const draw = integers(key, n);
  for (let i = n - 1; i > 0; i--) {
    const j = draw(i + 1);
    const kept = order[i]!;
    order[i] = order[j]!;
    order[j] = kept;
  }
  return order;
}
