/** Checks the places of stages: errors name the stage that is missing or that stands twice. */
import { hasColumn, type Batch } from "../data/batch.ts";

/**
 * The result of a stage in a wrong place. No stage accepts it, and the compiler's error shows the reason.
 *
 * At run time, the stage fails with the same reason, for programs that were not type-checked.
 */
export interface Misplaced<Reason extends string> {
  readonly misplaced: Reason;
}

/** `Out`, unless the columns `C` already include one of `N`. */
export type Unless<C extends string, N extends string, Reason extends string, Out> = string extends C
  ? Out
  : [C & N] extends [never]
    ? Out
    : Misplaced<Reason>;

const through: unique symbol = Symbol.for("scorestream.through");

/** A value that has passed the stage `N`. */
export interface Through<N extends string> {
  readonly [through]: { readonly [K in N]: true };
}

/** The value after the stage `N`, which must stand only once. */
export type Once<T, N extends string> = T extends Through<N> ? Misplaced<`${N} stands once`> : T & Through<N>;

/** Marks a value after a stage that must stand only once. @throws RangeError when the value already has the mark. */
export function once<T extends object, N extends string>(operator: N, value: T): Once<T, N> {
  const { [through]: before } = value as Partial<Through<N>>;
  if (before?.[operator])
    throw new RangeError(`${operator}: the value has been through it before; ${operator} stands once`);
  return { ...value, [through]: { ...before, [operator]: true } } as unknown as Once<T, N>;
}

/** Names the stage that adds each column. */
const GIVEN_BY: Readonly<Record<string, string>> = {
  image: 'trainBatches and evalBatches, for examples of bytes in the column "image"',
  data: 'dequantize, for images; or the source, for examples of floats in the column "data"',
  logQ: 'dequantize, with any kind but "none"',
  t: "sampleTime",
  noise: "perturb",
  perturbed: "perturb",
  learningRate: "adam",
  latent: "priorBatches",
  logp: "logLikelihood or likelihoodBound",
};

const names = (batch: Batch<never>) => batch.record.schema.fields.map(({ name }) => name).join(", ");

/** @throws RangeError when a batch lacks a column; the message names the stage that adds it. */
export function requireColumns(operator: string, batch: Batch<never>, ...columns: readonly string[]): void {
  const isBatch = (batch as Partial<Batch<never>>).record !== undefined;
  const missing = columns.find((name) => !isBatch || !hasColumn(batch, name));
  if (missing === undefined) return;
  if (!isBatch) throw new RangeError(`${operator}: it takes batches; it stands behind a stage that emits other values`);
  throw new RangeError(
    `${operator}: the column "${missing}" is missing; put the stage that gives it before ${operator}: ` +
      `${GIVEN_BY[missing] ?? "one of your own"}. The batch has: ${names(batch)}`,
  );
}

/** @throws RangeError with the reason, when a batch has the column. */
export function refuseColumn(operator: string, batch: Batch<never>, column: string, reason: string): void {
  if (hasColumn(batch, column)) throw new RangeError(`${operator}: the batch has the column "${column}"; ${reason}`);
}
