/** Compares the properties, besides the settings of the run, that determine the bits of a node's numbers. */
import type { Trait, Welcome } from "./messages.ts";

/**
 * Lists the differences to another node, one text each: "engine: tensorflow 2.21.0 there, wasm 4.22.0 here".
 *
 * @param there Traits of the node that others join; a trait it does not tell is not compared.
 * @param here Traits of the node that wants to join.
 */
export function arithmeticDifferences(there: readonly Trait[], here: readonly Trait[]): string[] {
  return there.flatMap(({ name, value }) => {
    const own = here.find((trait) => trait.name === name)?.value;
    return own === value ? [] : [`${name}: ${value} there, ${own ?? "not told"} here`];
  });
}

/** Warns of a node that was admitted although it computes otherwise. */
export const mixedWarning = (who: string, differing: readonly string[]): string =>
  `warning: ${who} otherwise than node 0 (${differing.join("; ")}), and exchange.mixed=allow lets it: the parameters ` +
  "depend on which nodes took part, and no other run comes to the same bits";

/** Tells a node that its own settings do not hold in the run. @param own Its deadline, ms. */
export function notesOn(own: number, { deadline, differing }: Welcome): string[] {
  const late = deadline > 0 && deadline !== own;
  const agreed = `exchange.deadlineSeconds is ${deadline / 1000}, as the first node has it, and not ${own / 1000}`;
  const mixed = differing && differing.length > 0 ? [mixedWarning("this node computes", differing)] : [];
  return [...(late ? [agreed] : []), ...mixed];
}
