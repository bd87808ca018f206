/**
 * The wire format of protocol buffers, as far as whole messages are looked through and put together.
 *
 * Two messages written one after another are the two merged: that is how a field is added to bytes that stay as they are.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 */

/** One field of a message. */
export interface WireField {
  readonly number: number;
  /** Content of a field with a length (text, bytes, a message), as a view; undefined for other fields. */
  readonly content: Uint8Array | undefined;
}

const WIRE = { varint: 0, fixed64: 1, length: 2, fixed32: 5 } as const;

const cutShort = () => new RangeError("it is cut short");

/** The number at `at`, 7 bits a byte, and where it ends; numbers above 2^53 lose their low bits. */
function varint(bytes: Uint8Array, at: number): readonly [value: number, end: number] {
  let value = 0;
  for (let i = 0; i < 10; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) throw cutShort();
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return [value, at + i + 1];
  }
  throw new RangeError(`it has a number of more than 10 bytes at byte ${at}`);
}

/** The fields of a message, in the order they were written. @throws RangeError when the bytes are no message. */
export function* wireFields(bytes: Uint8Array): Generator<WireField> {
  for (let at = 0; at < bytes.length;) {
    const [key, start] = varint(bytes, at);
    const [number, wire] = [Math.floor(key / 8), key % 8];
    let content: Uint8Array | undefined;
    let end: number;
    if (wire === WIRE.varint) end = varint(bytes, start)[1];
    else if (wire === WIRE.fixed64) end = start + 8;
    else if (wire === WIRE.fixed32) end = start + 4;
    else if (wire === WIRE.length) {
      const [length, first] = varint(bytes, start);
      end = first + length;
      content = bytes.subarray(first, end);
    } else throw new RangeError(`it has a field of the unknown kind ${wire} at byte ${at}`);
    if (number === 0) throw new RangeError(`it has a field without a number at byte ${at}`);
    if (end > bytes.length) throw cutShort();
    yield { number, content };
    at = end;
  }
}

function varintBytes(value: number): Uint8Array {
  const out: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 128)) out.push((value % 128) | 0x80);
  return Uint8Array.from([...out, value]);
}

/** A field with a number, at least 0. */
export const numberField = (number: number, value: number): Uint8Array =>
  Buffer.concat([varintBytes(number * 8 + WIRE.varint), varintBytes(value)]);

/** A field with a length: text, or the bytes of which it is put together. */
export function lengthField(number: number, ...parts: readonly (Uint8Array | string)[]): Uint8Array {
  const pieces = parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part));
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return Buffer.concat([varintBytes(number * 8 + WIRE.length), varintBytes(length), ...pieces]);
}
