/** What the bits of a node's numbers depend on, besides the settings of the run. */

/** One of them: the code, the engine, the processor; and what a gradient came to. */
export interface Trait {
  readonly name: string;
  readonly value: string;
}

/**
 * How another node computes otherwise, a text each: "engine: tensorflow 2.21.0 there, wasm 4.22.0 here".
 *
 * @param there Of the node that others join; what it does not tell is not compared.
 * @param here Of the one that wants to join.
 */
export function arithmeticDifferences(there: readonly Trait[], here: readonly Trait[]): string[] {
  return there.flatMap(({ name, value }) => {
    const own = here.find((trait) => trait.name === name)?.value;
    return own === value ? [] : [`${name}: ${value} there, ${own ?? "not told"} here`];
  });
}

/** For a node that was let in all the same. */
export const mixedWarning = (who: string, differing: readonly string[]): string =>
  `warning: ${who} otherwise than node 0 (${differing.join("; ")}), and exchange.mixed=allow lets it: the parameters ` +
  "depend on which nodes took part, and no other run comes to the same bits";
