/** Returns the end of a list of which `leftOut` entries are not shown: " (and 3 more calls)", or nothing. */
export const andMore = (leftOut: number, what = ""): string =>
  leftOut > 0 ? ` (and ${[leftOut, "more", what].join(" ").trimEnd()})` : "";

/** Returns the first names with commas between them: "a, b, c (and 4 more)"; `none` for an empty list. */
export const listed = (names: readonly string[], { shown = 8, none = "nothing" } = {}): string =>
  names.length === 0 ? none : `${names.slice(0, shown).join(", ")}${andMore(names.length - shown)}`;
