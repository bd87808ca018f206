/** Random choices that a seed fixes. */
import { randomFrom } from "../scratch.ts";

export interface Random {
  /** In [0, 1). */
  real(): number;
  /** In [0, end). */
  below(end: number): number;
  of<T>(list: readonly T[]): T;
  bytes(length: number): Buffer;
}

export function randomOf(seed: number): Random {
  const real = randomFrom(seed);
  // The low bits of a linear congruential generator repeat soon.
  const below = (end: number) => Math.floor(real() * end);
  return {
    real,
    below,
    of: (list) => list[below(list.length)]!,
    bytes: (length) => Buffer.from(Uint8Array.from({ length }, () => below(256))),
  };
}

/** Some bits flipped, a part doubled, cut out or replaced. */
export function mutated(bytes: Uint8Array, { below, of, bytes: noise }: Random): Buffer {
  const from = below(bytes.length + 1);
  const to = from + below(Math.min(64, bytes.length - from + 1));
  const [head, part, tail] = [bytes.subarray(0, from), bytes.subarray(from, to), bytes.subarray(to)];
  const flipped = Uint8Array.from(part, (byte) => byte ^ (1 << below(8)));
  return Buffer.concat([
    head,
    of([flipped, Buffer.concat([part, part]), Buffer.alloc(0), noise(part.length + 1)]),
    tail,
  ]);
}
