/** A configuration as a table. */

export interface ConfigRow {
  /** Dotted, "training.batchSize". */
  readonly name: string;
  readonly value: string;
}

/** The leaves of an object; arrays count as leaves. */
export function configRows(value: unknown, name = ""): ConfigRow[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [{ name, value: JSON.stringify(value) }]; // prettier-ignore
  return Object.entries(value).flatMap(([key, inner]) => configRows(inner, name ? `${name}.${key}` : key));
}

/** Rows in which every word stands, in name or value, whatever the case. */
export function matching(rows: readonly ConfigRow[], words: string): ConfigRow[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter(({ name, value }) => {
    const text = `${name} ${value}`.toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}

/** A number somewhere in a configuration. */
export function numberAt(config: unknown, ...path: readonly string[]): number | undefined {
  const value = path.reduce<unknown>(
    (inner, key) => (typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>)[key] : undefined),
    config,
  );
  return typeof value === "number" ? value : undefined;
}
