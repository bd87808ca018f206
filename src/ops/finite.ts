import { isNative, nativeBackend } from "../engine/kernels.ts";

/** Values summed in double precision at a time: none of finite ones overflows. */
const BLOCK = 4096;

/** The index of the first value that is not finite; -1 when all are. */
export function firstNonFinite(values: Float32Array): number {
  if (isNative() && nativeBackend().binding.allFinite?.(values)) return -1;
  return search(values);
}

/** Searches without compiled code. */
export function search(values: Float32Array): number {
  // One sum checks a whole block, and four sums run independently.
  const whole = values.length - (values.length % BLOCK);
  let start = 0;
  for (; start < whole; start += BLOCK) {
    let [a, b, c, d] = [0, 0, 0, 0];
    for (let i = start; i < start + BLOCK; i += 4) {
      a += values[i]!;
      b += values[i + 1]!;
      c += values[i + 2]!;
      d += values[i + 3]!;
    }
    if (!Number.isFinite(a + b + c + d)) break;
  }
  for (let i = start; i < values.length; i++) if (!Number.isFinite(values[i])) return i;
  return -1;
}
