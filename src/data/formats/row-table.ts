/** Small tables of text and numbers as Arrow files. */
import { Float64, Table, tableToIPC, Utf8, vectorFromArray } from "apache-arrow";

/** A column of a small table: text, or numbers of which some may be missing. */
export type RowColumn = readonly string[] | readonly (number | null)[];

const isText = (column: RowColumn): column is readonly string[] => column.some((value) => typeof value === "string");

/**
 * Returns the bytes of an Arrow file with these columns: text as Utf8, numbers as Float64.
 *
 * @throws RangeError when the columns differ in length.
 */
export function rowTable(columns: Readonly<Record<string, RowColumn>>): Uint8Array {
  const lengths = new Set(Object.values(columns).map(({ length }) => length));
  if (lengths.size > 1) throw new RangeError(`rowTable: columns of ${[...lengths].join(" and ")} rows`);
  const vectors = Object.entries(columns).map(([name, column]) => [
    name,
    isText(column) ? vectorFromArray(column, new Utf8()) : vectorFromArray(column, new Float64()),
  ]);
  return tableToIPC(new Table(Object.fromEntries(vectors) as never), "file");
}
