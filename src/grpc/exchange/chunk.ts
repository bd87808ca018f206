/** A chunk as it goes over the wire: written once, read once. */
import { status } from "@grpc/grpc-js";
import { crc32 } from "../../base/crc.ts";
import { pieceFromIPC, pieceSize, pieceToIPC, typeOf, type Piece } from "../../data/formats/vector-ipc.ts";
import { firstNonFinite } from "../../ops/finite.ts";
import { statusError } from "../receive.ts";
import type { Chunk } from "../../exchange/messages.ts";
import type { VectorAbout } from "../../exchange/messages.ts";
import { formatOf, packed, unpacked, type NumberFormat } from "./number-format.ts";
import type { PeerMemory } from "./shared-memory.ts";

function varint(value: number): number[] {
  const out: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) out.push((value % 0x80) | 0x80);
  return [...out, value];
}

/** Field number and wire type of the messages in exchange.proto. */
const TAG = { parcelChunk: 0x12, vector: 0x08, offset: 0x10, arrow: 0x1a, crc32: 0x25 } as const;

/** Memory into which the chunks of a parcel are written, one after another. */
export type Scratch = Buffer;

/** Framing of gRPC's message around the Arrow stream, at most. */
const AROUND = 64;

export const scratchFor = (values: number): Scratch => Buffer.allocUnsafeSlow(pieceSize("float32", values) + AROUND);

/**
 * A message `Parcel { chunk }` that is written when its turn comes, once, where protobuf's encoder would make one more
 * copy. gRPC copies the bytes before it asks for the next ones of the call, so those of a parcel share their memory.
 */
export class ChunkToSend {
  readonly #vector: number;
  readonly #offset: number;
  readonly #piece: Piece;
  readonly #scratch: Scratch;

  constructor(vector: number, offset: number, values: Float32Array, format: NumberFormat, scratch: Scratch) {
    this.#vector = vector;
    this.#offset = offset;
    this.#piece = packed(values, format);
    this.#scratch = scratch;
  }

  serialize(): Buffer {
    const [piece, out] = [this.#piece, this.#scratch];
    const size = pieceSize(typeOf(piece), piece.length);
    const about = [
      TAG.vector,
      ...varint(this.#vector),
      TAG.offset,
      ...varint(this.#offset),
      TAG.arrow,
      ...varint(size),
    ];
    const head = [TAG.parcelChunk, ...varint(about.length + size + 5), ...about];
    const end = head.length + size;
    out.set(head);
    const arrow = pieceToIPC(piece, out.subarray(head.length, end));
    out[end] = TAG.crc32;
    out.writeUInt32LE(crc32(arrow), end + 1);
    return out.subarray(0, end + 5);
  }
}

const refused = (what: string, code = status.INVALID_ARGUMENT) => statusError(code, what);

/** Checks a chunk and puts its values where they belong. @throws ServiceError that names what is wrong. */
export function readChunk({ arrow, crc32: sum, offset }: Chunk, about: VectorAbout, into: Float32Array): void {
  if (crc32(arrow) !== sum) {
    throw refused(`a chunk of "${about.name}" is damaged: its CRC-32 is another`, status.DATA_LOSS);
  }
  checked(offset, about, () => unpacked((values) => pieceFromIPC(arrow, values), formatOf(about), into));
}

/** The same for a piece in another process' memory, which no wire can damage. */
export function readShared(
  memory: PeerMemory,
  at: number,
  offset: number,
  about: VectorAbout,
  into: Float32Array,
): void {
  checked(offset, about, () => unpacked((values) => memory.read(at, values), formatOf(about), into));
}

/** Checks a piece of float32 where it is. @throws ServiceError that names what is wrong. */
export function checkShared(memory: PeerMemory, at: number, offset: number, about: VectorAbout, length: number): void {
  checked(offset, about, () => memory.view(at, length));
}

function checked(offset: number, { name }: VectorAbout, read: () => Float32Array): void {
  let values: Float32Array;
  try {
    values = read();
  } catch (error) {
    throw refused(`a chunk of "${name}": ${(error as Error).message}`);
  }
  const bad = firstNonFinite(values);
  if (bad >= 0) throw refused(`value ${offset + bad} of "${name}" is not finite`);
}
