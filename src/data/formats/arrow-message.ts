/**
 * Messages of Arrow IPC as strangers send them: their descriptions are read without trust, and without Arrow JS, which
 * follows them without a look at their size.
 *
 * @see https://github.com/apache/arrow/blob/main/format/Message.fbs and Schema.fbs
 */
import { FlatTable } from "./flat-table.ts";

/** Kinds of messages and of types, by their numbers in the format. */
const [SCHEMA, RECORD_BATCH] = [1, 3];
export const [INT, FIXED_SIZE_LIST] = [2, 16];
/** Metadata version 4 (Arrow 0.8) and 5 (Arrow 1.0) lay columns out alike. */
const VERSIONS = [3, 4];

/** A column, or the items of a list. */
export interface FieldDescription {
  readonly name: string;
  /** Number of its type in the format. */
  readonly type: number;
  /** Bits of an integer, or items of a list. `signed` is true for integers with negative values. */
  readonly size: number;
  readonly signed: boolean;
  readonly dictionary: boolean;
  readonly children: readonly FieldDescription[];
  readonly metadata: ReadonlyMap<string, string>;
}

export interface SchemaMessage {
  readonly kind: "schema";
  readonly bodyLength: number;
  readonly fields: readonly FieldDescription[];
}

export interface BatchMessage {
  readonly kind: "batch";
  /** Bytes of the body. */
  readonly bodyLength: number;
  readonly rows: number;
  /** Values and nulls of each column, depth first. */
  readonly nodes: readonly (readonly [length: number, nulls: number])[];
  /** The buffers' places in the body. */
  readonly buffers: readonly (readonly [offset: number, length: number])[];
}

/** Nested deeper than images are. */
const DEPTH = 4;

function readField(field: FlatTable, depth: number): FieldDescription {
  if (depth > DEPTH) throw new RangeError("its columns are nested too deep");
  const kind = field.byte(2);
  // The tables of other types have other places.
  const type = kind === INT || kind === FIXED_SIZE_LIST ? field.table(3) : undefined;
  return {
    name: field.text(0) ?? "",
    type: kind,
    size: type?.int(0) ?? 0,
    signed: kind === INT && type?.byte(1) === 1,
    dictionary: field.has(4),
    children: field.tables(5).map((child) => readField(child, depth + 1)),
    metadata: new Map(field.tables(6).map((pair) => [pair.text(0) ?? "", pair.text(1) ?? ""])),
  };
}

function readSchema(schema: FlatTable, bodyLength: number): SchemaMessage {
  if (schema.short(0) !== 0) throw new RangeError("its numbers are big-endian");
  return { kind: "schema", bodyLength, fields: schema.tables(1).map((field) => readField(field, 0)) };
}

function readBatch(batch: FlatTable, bodyLength: number): BatchMessage {
  if (batch.has(3)) throw new RangeError("its buffers are compressed, which is not supported");
  return { kind: "batch", bodyLength, rows: batch.long(0), nodes: batch.pairs(1), buffers: batch.pairs(2) };
}

/** Longest description: of a few columns it has a few hundred bytes. */
const MAX_HEADER = 1 << 20;

/**
 * Reads the description of a message.
 *
 * @param header The flatbuffer, without mark and length.
 * @param longest Most bytes that it may have.
 * @throws RangeError when it is none, or of a kind that images are not sent in.
 */
export function readArrowMessage(header: Uint8Array, longest = MAX_HEADER): SchemaMessage | BatchMessage {
  if (header.length > longest) throw new RangeError(`its header has ${header.length} bytes`);
  try {
    const message = FlatTable.root(header);
    if (!VERSIONS.includes(message.short(0))) throw new RangeError(`its version is ${message.short(0)}`);
    const content = message.table(2);
    const kind = message.byte(1);
    if (content && kind === SCHEMA) return readSchema(content, message.long(3));
    if (content && kind === RECORD_BATCH) return readBatch(content, message.long(3));
    throw new RangeError(`it is of kind ${kind}, neither schema (${SCHEMA}) nor record batch (${RECORD_BATCH})`);
  } catch (error) {
    throw new RangeError(`its header is no sound Arrow message: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * The header of the one message that an encapsulated schema holds: a mark, which old writers leave out, and the header's
 * length, 4 bytes each, and the header.
 *
 * @throws RangeError when it does not.
 */
export function unwrapMessage(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = bytes.length >= 4 && view.getInt32(0, true) === -1 ? 8 : 4;
  const length = bytes.length < start ? -1 : view.getInt32(start - 4, true);
  if (length < 0 || start + length > bytes.length) throw new RangeError("it is no encapsulated Arrow message");
  return bytes.subarray(start, start + length);
}
