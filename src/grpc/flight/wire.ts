/** FlightData as bytes, so that rows are read from the disk to where they are sent from. */
import type { FlightDataWire } from "./definition.ts";

/** Field 2, `data_header`, and field 1000, `data_body`, both of bytes. */
const [HEADER, BODY] = [(2 << 3) | 2, (1000 << 3) | 2];

/** A number as protobuf writes it: 7 bits a byte, the lowest first. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value & 0x7f) | 0x80);
  return [...bytes, value];
}

/**
 * A message with the header; its body is not filled yet.
 *
 * @returns The whole message, and the body within it.
 * @see https://protobuf.dev/programming-guides/encoding/
 */
export function flightData(header: Uint8Array, bodyLength: number): { wire: FlightDataWire; body: Uint8Array } {
  const begin = [...varint(HEADER), ...varint(header.length)];
  const middle = [...varint(BODY), ...varint(bodyLength)];
  const at = begin.length + header.length + middle.length;
  const wire = Buffer.allocUnsafeSlow(at + bodyLength);
  wire.set(begin, 0);
  wire.set(header, begin.length);
  wire.set(middle, begin.length + header.length);
  return { wire, body: wire.subarray(at) };
}
