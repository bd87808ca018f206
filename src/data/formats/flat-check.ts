/**
 * A check that the tables of a flatbuffer stay within its bytes, by a description of what they may have.
 *
 * @see https://flatbuffers.dev/internals/
 */

/**
 * The content of a table's place: nothing to follow, text, a struct's bytes in a list, another table, or a list of
 * them.
 */
export type FlatPlace =
  "plain" | "text" | { readonly structs: number } | { readonly table: Table } | { readonly tables: Table };
export type Table = readonly (FlatPlace | "absent")[];

/** The place of the number that tells the type of another table, and its allowed values. */
export interface Kinds {
  readonly place: number;
  readonly allowed: readonly number[];
}
/** Tables in tables. */
const DEPTH = 64;

class Check {
  readonly #view: DataView;
  readonly #kinds: ReadonlyMap<Table, Kinds>;
  /** Bytes that may still be described: writers put few things on top of others. */
  #left: number;

  constructor(bytes: Uint8Array, kinds: ReadonlyMap<Table, Kinds>) {
    this.#kinds = kinds;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#left = 8 * bytes.length;
  }

  /** Follows all that the table says; throws RangeError where it leads out of the bytes. */
  root(table: Table): void {
    this.#table(this.#view.getUint32(0, true), table);
  }

  /** @returns Where the place's value is; 0 when it has none. */
  #place(at: number, index: number): number {
    const places = at - this.#view.getInt32(at, true);
    const entry = 4 + 2 * index;
    const offset = entry < this.#view.getUint16(places, true) ? this.#view.getUint16(places + entry, true) : 0;
    return offset && at + offset;
  }

  #table(at: number, table: Table, depth = 0): void {
    this.#spend(4);
    this.#view.getInt32(at, true);
    if (depth > DEPTH) throw new RangeError("it is nested too deep");
    table.forEach((place, index) => {
      const value = this.#place(at, index);
      if (!value || place === "plain") return;
      if (place === "absent") throw new RangeError("it has something that is not expected");
      this.#follow(value + this.#view.getUint32(value, true), place, depth + 1);
    });
    const kinds = this.#kinds.get(table);
    const kind = kinds && this.#place(at, kinds.place);
    if (kinds && !(kind && kinds.allowed.includes(this.#view.getUint8(kind)))) {
      throw new RangeError("a column or a message is of another kind than expected");
    }
  }

  #follow(at: number, place: Exclude<FlatPlace, "plain">, depth: number): void {
    if (typeof place === "object" && "table" in place) return this.#table(at, place.table, depth);
    const count = this.#view.getUint32(at, true);
    const width = place === "text" ? 1 : "structs" in place ? place.structs : 4;
    this.#spend(4 + count * width);
    if (at + 4 + count * width > this.#view.byteLength) throw new RangeError(`a list of ${count} does not fit`);
    if (typeof place !== "object" || !("tables" in place)) return;
    for (let i = 0, entry = at + 4; i < count; i++, entry += 4) {
      this.#table(entry + this.#view.getUint32(entry, true), place.tables, depth);
    }
  }

  #spend(bytes: number): void {
    if ((this.#left -= bytes) < 0) throw new RangeError("it describes more than it has");
  }
}

/**
 * Follows all that the flatbuffer's root table says.
 *
 * @param kinds Tables that must be of certain kinds.
 * @throws RangeError where it leads out of the bytes, or to something that the table does not have.
 */
export function requireSoundTable(bytes: Uint8Array, table: Table, kinds: ReadonlyMap<Table, Kinds> = new Map()): void {
  new Check(bytes, kinds).root(table);
}
