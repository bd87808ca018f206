/** What every part of the torture is: cases with a name, tried one after another, each once for a seed. */

export interface Outcome {
  /** How many faults were made. */
  readonly tries: number;
  /** What was lost or broken, a line each. */
  readonly lost: readonly string[];
}

/** How much is tried. */
export type Scale = "quick" | "full";

export interface Case {
  readonly name: string;
  readonly run: () => Promise<Outcome>;
}

/** Amounts in place of those of the scale. */
export interface Amounts {
  /** How often each fault is made. */
  readonly tries?: number | undefined;
  /** How long a part lasts that has no end of its own. */
  readonly minutes?: number | undefined;
}

export interface Part {
  readonly summary: string;
  /** Cases at once, default 1: those that compute on one core or wait may share a machine. */
  readonly atOnce?: number;
  readonly cases: (scale: Scale, seed: number, amounts?: Amounts) => readonly Case[];
}
