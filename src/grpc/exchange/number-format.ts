/** Number formats of the values of a vector on their way. */
import { pieceSize, WIDTH, type Piece, type PieceType } from "../../data/formats/vector-ipc.ts";
import { fromBfloat16, toBfloat16 } from "../../ops/bfloat16.ts";
import { fromInt8, int8Size, roundToInt8, toInt8 } from "../../ops/int8-blocks.ts";

export type NumberFormat = "float32" | "bfloat16" | "int8";

/** A format as messages tell it. */
export interface Formatted {
  readonly bfloat16: boolean;
  /** In blocks, see `int8-blocks.ts`; absent: false. */
  readonly int8?: boolean | undefined;
}

export function formatOf({ bfloat16, int8 = false }: Formatted): NumberFormat {
  if (int8) return "int8";
  return bfloat16 ? "bfloat16" : "float32";
}

/** The type of the column that carries a format, and its elements for so many values. */
const columns: Readonly<Record<NumberFormat, readonly [PieceType, (length: number) => number]>> = {
  float32: ["float32", (length) => length],
  bfloat16: ["uint16", (length) => length],
  int8: ["uint8", int8Size],
};

/** Bytes of so many values. */
export function bytesOf(length: number, format: NumberFormat): number {
  const [type, elements] = columns[format];
  return WIDTH[type] * elements(length);
}

/** The same with Arrow's framing. */
export function packedSize(length: number, format: NumberFormat): number {
  const [type, elements] = columns[format];
  return pieceSize(type, elements(length));
}

/** The values as the column has them. */
export function packed(values: Float32Array, format: NumberFormat): Piece {
  if (format === "int8") return toInt8(values);
  return format === "bfloat16" ? toBfloat16(values) : values;
}

/** Reads a column into `into`. @param fill Fills an array with the column. */
export function unpacked(
  fill: <T extends Piece>(column: T) => T,
  format: NumberFormat,
  into: Float32Array,
): Float32Array {
  if (format === "float32") return fill(into);
  if (format === "int8") return fromInt8(fill(new Uint8Array(int8Size(into.length))), into);
  into.set(fromBfloat16(fill(new Uint16Array(into.length))));
  return into;
}

/** Rounds values where they are to those that the format carries without loss. */
export function round(values: Float32Array, format: NumberFormat): void {
  if (format === "int8") roundToInt8(values);
  else if (format === "bfloat16") values.set(fromBfloat16(toBfloat16(values)));
}
