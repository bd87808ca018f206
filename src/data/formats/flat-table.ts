/**
 * Reading flatbuffers of strangers: every step stays within the bytes, and lists have bounds.
 *
 * @see https://flatbuffers.dev/internals/
 */

/** Longest list that a description of columns has. */
const MAX_LIST = 65_536;

/** A table: its places are numbered as the fields of the schema that it follows. */
export class FlatTable {
  readonly #view: DataView;
  readonly #at: number;

  private constructor(view: DataView, at: number) {
    this.#view = view;
    this.#at = at;
  }

  /** The table that the bytes hold. @throws RangeError here and below when something leads out of the bytes. */
  static root(bytes: Uint8Array): FlatTable {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new FlatTable(view, view.getUint32(0, true));
  }

  /** Offset of a place's value; undefined when it is left out. */
  #place(index: number): number | undefined {
    const places = this.#at - this.#view.getInt32(this.#at, true);
    const entry = 4 + 2 * index;
    if (entry + 2 > this.#view.getUint16(places, true)) return undefined;
    const offset = this.#view.getUint16(places + entry, true);
    return offset === 0 ? undefined : this.#at + offset;
  }

  /** Offset of the object that a place refers to. */
  #target(index: number): number | undefined {
    const at = this.#place(index);
    return at === undefined ? undefined : at + this.#view.getUint32(at, true);
  }

  byte(index: number): number {
    const at = this.#place(index);
    return at === undefined ? 0 : this.#view.getUint8(at);
  }

  short(index: number): number {
    const at = this.#place(index);
    return at === undefined ? 0 : this.#view.getInt16(at, true);
  }

  int(index: number): number {
    const at = this.#place(index);
    return at === undefined ? 0 : this.#view.getInt32(at, true);
  }

  long(index: number): number {
    const at = this.#place(index);
    return at === undefined ? 0 : this.#long(at);
  }

  #long(at: number): number {
    const value = Number(this.#view.getBigInt64(at, true));
    if (!Number.isSafeInteger(value)) throw new RangeError(`a number of it is ${value}`);
    return value;
  }

  has(index: number): boolean {
    return this.#place(index) !== undefined;
  }

  table(index: number): FlatTable | undefined {
    const at = this.#target(index);
    return at === undefined ? undefined : new FlatTable(this.#view, at);
  }

  text(index: number): string | undefined {
    const at = this.#target(index);
    if (at === undefined) return undefined;
    const length = this.#view.getUint32(at, true);
    if (at + 4 + length > this.#view.byteLength) throw new RangeError(`a text of ${length} bytes does not fit`);
    return new TextDecoder().decode(new Uint8Array(this.#view.buffer, this.#view.byteOffset + at + 4, length));
  }

  tables(index: number): FlatTable[] {
    const [at, length] = this.#list(index);
    return Array.from({ length }, (_, i) => {
      const entry = at + 4 * i;
      return new FlatTable(this.#view, entry + this.#view.getUint32(entry, true));
    });
  }

  /** A list of structs of two 64-bit numbers. */
  pairs(index: number): [number, number][] {
    const [at, length] = this.#list(index);
    return Array.from({ length }, (_, i) => [this.#long(at + 16 * i), this.#long(at + 16 * i + 8)]);
  }

  /** A list of structs of three 64-bit numbers. */
  triples(index: number): [number, number, number][] {
    const [at, length] = this.#list(index);
    const number = (i: number, k: number) => this.#long(at + 24 * i + 8 * k);
    return Array.from({ length }, (_, i) => [number(i, 0), number(i, 1), number(i, 2)]);
  }

  #list(index: number): [at: number, length: number] {
    const at = this.#target(index);
    if (at === undefined) return [0, 0];
    const length = this.#view.getUint32(at, true);
    if (length > MAX_LIST) throw new RangeError(`a list of ${length} is longer than ${MAX_LIST}`);
    return [at + 4, length];
  }
}
