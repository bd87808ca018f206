/**
 * Tensors by name in one file, in the safetensors format: 8 bytes of header length, a JSON header, the values.
 *
 * @see https://github.com/huggingface/safetensors, "Format"
 */
import { open } from "node:fs/promises";
import { UsageError } from "../../base/errors.ts";
import { writeFileAtomic } from "./arrow-file.ts";
import { bfloatToNumber, halfToNumber } from "./half.ts";

/** The typed array of each dtype of the format. */
export const ARRAYS = {
  F64: Float64Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
  F32: Float32Array,
  I32: Int32Array,
  U32: Uint32Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const;

export type SafetensorDtype = keyof typeof ARRAYS;
export type SafetensorData = InstanceType<(typeof ARRAYS)[SafetensorDtype]>;

export interface Safetensor {
  readonly dtype: SafetensorDtype;
  readonly shape: readonly number[];
  /** Flat, in row-major order. */
  readonly data: SafetensorData;
}

export interface SafetensorFile {
  readonly tensors: ReadonlyMap<string, Safetensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

const METADATA = "__metadata__";
/** The limit of the format's own library. */
const MAX_HEADER = 100_000_000;
// One read call takes at most 2^31 - 1 bytes.
const READ_LIMIT = 1 << 30;

/** Halves are read as numbers of 32 bits, which hold each of them exactly. */
const HALVES = { F16: halfToNumber, BF16: bfloatToNumber } as const;

type StoredDtype = SafetensorDtype | keyof typeof HALVES;

const isHalf = (dtype: StoredDtype): dtype is keyof typeof HALVES => Object.hasOwn(HALVES, dtype);
const widthOf = (dtype: StoredDtype): number => (isHalf(dtype) ? 2 : ARRAYS[dtype].BYTES_PER_ELEMENT);

interface Entry {
  readonly name: string;
  readonly dtype: StoredDtype;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

type Refuse = (reason: string) => UsageError;

/** The header's JSON and where the values start. */
function header(bytes: Uint8Array, refuse: Refuse): { readonly json: Record<string, unknown>; readonly start: number } {
  if (bytes.length < 8) throw refuse(`it has ${bytes.length} bytes, a header needs 8`);
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (length > MAX_HEADER || Number(length) > bytes.length - 8) {
    throw refuse(`its header would have ${length} bytes, the file has ${bytes.length}`);
  }
  const start = 8 + Number(length);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, start)));
  } catch (error) {
    throw refuse(`its header is not JSON (${(error as Error).message})`);
  }
  if (!isRecord(json)) throw refuse("its header is not a JSON object");
  return { json, start };
}

/** Checks what the header says of one tensor against the `size` bytes of values. */
function entry(name: string, value: unknown, size: number, refuse: Refuse): Entry {
  const { dtype, shape, data_offsets: offsets } = isRecord(value) ? value : {};
  const known = [...Object.keys(ARRAYS), ...Object.keys(HALVES)];
  if (typeof dtype !== "string" || !known.includes(dtype)) {
    throw refuse(`tensor "${name}" has the dtype ${JSON.stringify(dtype)}; known are ${known.join(", ")}`);
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    throw refuse(`tensor "${name}" has the shape ${JSON.stringify(shape)}`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount) || offsets[0]! > offsets[1]!) {
    throw refuse(`tensor "${name}" has the offsets ${JSON.stringify(offsets)}`);
  }
  const [start, end] = offsets as [number, number];
  if (end > size) throw refuse(`tensor "${name}" ends at byte ${end} of ${size}: the file was cut short`);
  const expected = product(shape) * widthOf(dtype as StoredDtype);
  if (end - start !== expected) {
    throw refuse(
      `tensor "${name}" of shape [${shape}] and dtype ${dtype} needs ${expected} bytes, it has ${end - start}`,
    );
  }
  return { name, dtype: dtype as StoredDtype, shape, start, end };
}

/** Tensors must lie one after another and fill the file. */
function checkCover(entries: readonly Entry[], size: number, refuse: Refuse): void {
  let at = 0;
  for (const { name, start, end } of [...entries].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (start < at) throw refuse(`tensor "${name}" overlaps another one`);
    if (start > at) throw refuse(`bytes ${at} to ${start} belong to no tensor`);
    at = end;
  }
  if (at !== size) throw refuse(`bytes ${at} to ${size} belong to no tensor`);
}

/** The values as a view where their alignment allows it, else as a copy. */
function view(bytes: Uint8Array, { dtype, start, end }: Entry): SafetensorData {
  const values = bytes.subarray(start, end);
  if (isHalf(dtype)) {
    const halves = new DataView(values.buffer, values.byteOffset, values.length);
    return Float32Array.from({ length: values.length / 2 }, (_, i) => HALVES[dtype](halves.getUint16(2 * i, true)));
  }
  const ArrayType = ARRAYS[dtype];
  const aligned = values.byteOffset % ArrayType.BYTES_PER_ELEMENT === 0 ? values : values.slice();
  return new ArrayType(aligned.buffer as ArrayBuffer, aligned.byteOffset, values.length / ArrayType.BYTES_PER_ELEMENT);
}

/** A zip archive, as PyTorch's since 1.6, or a pickle of protocol 2 or later. */
const isPickle = (bytes: Uint8Array): boolean =>
  (bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3) ||
  (bytes[0] === 0x80 && bytes[1]! >= 2 && bytes[1]! <= 5 && bytes[7] !== 0);

/**
 * Reads tensors from the bytes of a file; they are views on it, but for halves.
 *
 * @param path Named in errors.
 * @throws UsageError when the bytes are not a well-formed safetensors file.
 */
export function parseSafetensors(bytes: Uint8Array, path: string): SafetensorFile {
  const refuse: Refuse = (reason) =>
    new UsageError(`${path}: not a safetensors file: ${reason}`, "get the file again, or give another one");
  if (isPickle(bytes)) {
    throw new UsageError(
      `${path}: not a safetensors file, but a pickle as PyTorch writes it (.pth, .pt, .ckpt)`,
      'convert it in Python: safetensors.torch.save_file(torch.load(path, weights_only=True), "weights.safetensors")',
    );
  }
  const { json, start } = header(bytes, refuse);
  const { [METADATA]: metadata = {}, ...rest } = json;
  if (!isRecord(metadata) || !Object.values(metadata).every((value) => typeof value === "string")) {
    throw refuse(`its ${METADATA} is not an object of strings`);
  }
  const values = bytes.subarray(start);
  const entries = Object.entries(rest).map(([name, value]) => entry(name, value, values.length, refuse));
  checkCover(entries, values.length, refuse);
  const tensors = entries.map((e): [string, Safetensor] => {
    return [e.name, { dtype: isHalf(e.dtype) ? "F32" : e.dtype, shape: e.shape, data: view(values, e) }];
  });
  return { tensors: new Map(tensors), metadata: metadata as Record<string, string> };
}

/**
 * Reads a safetensors file.
 *
 * @throws UsageError when it is malformed; a system error when it cannot be read.
 */
export async function readSafetensors(path: string): Promise<SafetensorFile> {
  const file = await open(path, "r");
  try {
    const bytes = new Uint8Array((await file.stat()).size);
    let at = 0;
    while (at < bytes.length) {
      const { bytesRead } = await file.read(bytes, at, Math.min(READ_LIMIT, bytes.length - at), at);
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    return parseSafetensors(bytes.subarray(0, at), path);
  } finally {
    await file.close();
  }
}

/**
 * The pieces of a safetensors file: header, then the values, widest dtype first and then by name, so that all are
 * aligned.
 *
 * @throws RangeError when a tensor's dtype, shape and data do not fit together.
 */
export function* safetensorsPieces({ tensors, metadata }: SafetensorFile): Generator<Uint8Array> {
  const width = ({ dtype }: Safetensor) => ARRAYS[dtype].BYTES_PER_ELEMENT;
  const sorted = [...tensors].sort(([a, x], [b, y]) => width(y) - width(x) || (a < b ? -1 : 1));
  let at = 0;
  const entries: [string, unknown][] = Object.keys(metadata).length ? [[METADATA, metadata]] : [];
  for (const [name, { dtype, shape, data }] of sorted) {
    if (!(data instanceof ARRAYS[dtype]) || data.length !== product(shape)) {
      throw new RangeError(`tensor "${name}": ${data.constructor.name} of ${data.length} is not ${dtype} [${shape}]`);
    }
    entries.push([name, { dtype, shape, data_offsets: [at, (at += data.byteLength)] }]);
  }
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const head = new Uint8Array(8 + Math.ceil(text.length / 8) * 8).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(head.length - 8), true);
  head.set(text, 8);
  yield head;
  for (const [, { data }] of sorted) yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Writes a safetensors file, atomically. */
export const writeSafetensors = (path: string, file: SafetensorFile): Promise<void> =>
  writeFileAtomic(path, safetensorsPieces(file));
