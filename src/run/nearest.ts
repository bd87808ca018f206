/** Suggestions for a mistyped name. */

/** Number of single-letter edits (insert, delete, replace) from `a` to `b`. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/** The part after the last dot, for people who leave the group out or name the wrong one. */
const leaf = (name: string) => name.slice(name.lastIndexOf(".") + 1);

/** "lr" of "learningRate" and "learning_rate". */
const initials = (name: string) => (leaf(name).match(/^[a-z]|[A-Z]|(?<=[_-])[a-z]/g) ?? []).join("").toLowerCase();

/** Up to `count` of `names`, the closest to `name` first; case does not count. */
export function nearest(name: string, names: readonly string[], count = 3): string[] {
  const wanted = name.toLowerCase();
  const distance = (candidate: string) => {
    const other = candidate.toLowerCase();
    if (leaf(other).length > 1 && initials(name) === leaf(other)) return 0;
    return Math.min(editDistance(wanted, other), editDistance(leaf(wanted), leaf(other)) + 0.5);
  };
  return names
    .map((candidate) => ({ candidate, distance: distance(candidate) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, count)
    .map(({ candidate }) => candidate);
}
