/** tf.train.Example, the protocol buffer in the records of TensorFlow's data sets. */
import { MAX_FEATURE_VALUES } from "./limits.ts";

/** Values of one feature. */
export type Feature = readonly Uint8Array[] | readonly number[];

type Field =
  { readonly field: number; readonly bytes: Uint8Array } | { readonly field: number; readonly value: bigint };

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** Fields of a message, in order. @throws RangeError when they are damaged. */
function* fieldsOf(message: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = message[at++];
      if (byte === undefined) break;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asIntN(64, value);
    }
    throw new RangeError("a number in it is cut short");
  };
  const take = (length: number): Uint8Array => {
    if (!(length >= 0 && at + length <= message.length)) throw new RangeError("a field of it is cut short");
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const tag = Number(varint());
    const field = Math.floor(tag / 8);
    switch (tag % 8) {
      case VARINT:
        yield { field, value: varint() };
        break;
      case FIXED64:
        yield { field, bytes: take(8) };
        break;
      case BYTES:
        yield { field, bytes: take(Number(varint())) };
        break;
      case FIXED32:
        yield { field, bytes: take(4) };
        break;
      default:
        throw new RangeError(`a field of it has the unknown type ${tag % 8}`);
    }
  }
}

/** One by one: each takes a hundred bytes, of a message in which it may have two. */
function* collected<T>(values: Iterable<T>): Generator<T> {
  let count = 0;
  for (const value of values) {
    if (++count > MAX_FEATURE_VALUES) throw new RangeError(`a list in it has more than ${MAX_FEATURE_VALUES} values`);
    yield value;
  }
}

const messages = (message: Uint8Array, wanted: number): Uint8Array[] =>
  [...collected(fieldsOf(message))].flatMap((part) => (part.field === wanted && "bytes" in part ? [part.bytes] : []));

/** Integers, packed into one field or a field each. */
function* integers(list: Uint8Array): Generator<number> {
  for (const part of fieldsOf(list)) {
    if ("value" in part) {
      yield Number(part.value);
      continue;
    }
    let value = 0n;
    let shift = 0n;
    for (const byte of part.bytes) {
      value |= BigInt(byte & 127) << shift;
      shift += 7n;
      if (byte >= 128 && shift < 70n) continue;
      yield Number(BigInt.asIntN(64, value));
      [value, shift] = [0n, 0n];
    }
  }
}

/** Floats of 4 bytes, packed into one field or a field each. */
function* floats(list: Uint8Array): Generator<number> {
  for (const part of fieldsOf(list)) {
    if (!("bytes" in part)) continue;
    const view = new DataView(part.bytes.buffer, part.bytes.byteOffset, part.bytes.byteLength);
    for (let at = 0; at + 4 <= view.byteLength; at += 4) yield view.getFloat32(at, true);
  }
}

/** Kinds of lists in a Feature: bytes 1, float 2, int64 3. */
function feature(bytes: Uint8Array): Feature {
  const [list] = fieldsOf(bytes);
  if (list === undefined || !("bytes" in list)) return [];
  if (list.field === 1) return messages(list.bytes, 1);
  return list.field > 3 ? [] : [...collected(list.field === 2 ? floats(list.bytes) : integers(list.bytes))];
}

/**
 * The features of an Example by name: Example { Features = 1 { map<string, Feature> = 1 } }.
 *
 * @throws RangeError when the bytes are no Example.
 */
export function parseExample(bytes: Uint8Array): Map<string, Feature> {
  const found = new Map<string, Feature>();
  for (const features of messages(bytes, 1)) {
    for (const pair of messages(features, 1)) {
      const [key] = messages(pair, 1);
      const [value] = messages(pair, 2);
      if (key) found.set(new TextDecoder().decode(key), value ? feature(value) : []);
    }
  }
  return found;
}
