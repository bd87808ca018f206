/** Suggestions for a mistyped name. */
import { distance } from "fastest-levenshtein";

/** The part after the last dot, for people who leave the group out or name the wrong one. */
const leaf = (name: string) => name.slice(name.lastIndexOf(".") + 1);

/** "lr" of "learningRate" and "learning_rate". */
const initials = (name: string) => (leaf(name).match(/^[a-z]|[A-Z]|(?<=[_-])[a-z]/g) ?? []).join("").toLowerCase();

/** Up to `count` of `names`, the closest to `name` first; case does not count. */
export function nearest(name: string, names: readonly string[], count = 3): string[] {
  const wanted = name.toLowerCase();
  const edits = (candidate: string) => {
    const other = candidate.toLowerCase();
    if (leaf(other).length > 1 && initials(name) === leaf(other)) return 0;
    return Math.min(distance(wanted, other), distance(leaf(wanted), leaf(other)) + 0.5);
  };
  return names
    .map((candidate) => ({ candidate, edits: edits(candidate) }))
    .sort((a, b) => a.edits - b.edits)
    .slice(0, count)
    .map(({ candidate }) => candidate);
}
