/** Vectors on their way: a header, then Arrow chunks, each with its SHA-256. */
import { createHash } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { pieceFromIPC, pieceToIPC } from "../../data/vector-ipc.ts";
import { fromBfloat16, toBfloat16 } from "../../ops/bfloat16.ts";
import { statusError } from "../receive.ts";
import type { Chunk, Header, ParcelMessage, VectorAbout } from "./definition.ts";

export interface Vector {
  readonly name: string;
  readonly values: Float32Array;
  /** Rounded on the way. */
  readonly bfloat16: boolean;
}

/** Values in a chunk: with its framing it stays below 1 MiB. */
const CHUNK = 2 ** 18 - 2 ** 10;
/** Bytes of a message, its names included. */
export const MESSAGE_LIMIT = 2 ** 21;

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();

export const aboutOf = (vectors: readonly Vector[]): VectorAbout[] =>
  vectors.map(({ name, values, bfloat16 }) => ({ name, length: values.length, bfloat16 }));

/** The messages of a parcel, made as they are asked for. */
export async function* parcel(
  header: Omit<Header, "vectors">,
  vectors: readonly Vector[],
): AsyncGenerator<ParcelMessage, void> {
  yield { header: { ...header, vectors: aboutOf(vectors) } };
  for (const [vector, { values, bfloat16 }] of vectors.entries()) {
    for (let offset = 0; offset < values.length; offset += CHUNK) {
      const piece = values.subarray(offset, offset + CHUNK);
      const arrow = pieceToIPC(bfloat16 ? toBfloat16(piece) : piece);
      yield { chunk: { vector, offset, arrow, sha256: sha256(arrow) } };
    }
  }
}

const refused = (what: string, code = status.INVALID_ARGUMENT) => statusError(code, what);

/** @throws an error with the status INVALID_ARGUMENT that names the first difference. */
export function requireVectors(got: readonly VectorAbout[], wanted: readonly VectorAbout[]): void {
  const text = (about: VectorAbout | undefined) =>
    about ? `"${about.name}" of ${about.length} ${about.bfloat16 ? "bfloat16" : "float32"} values` : "nothing";
  for (let i = 0; i < Math.max(got.length, wanted.length); i++) {
    const [a, b] = [text(got[i]), text(wanted[i])];
    if (a !== b) throw refused(`vector ${i} is ${a}, expected ${b}`);
  }
}

function readChunk({ arrow, sha256: sum }: Chunk, { name, bfloat16 }: VectorAbout, length: number): Float32Array {
  if (Buffer.compare(sha256(arrow), sum) !== 0) {
    throw refused(`a chunk of "${name}" is damaged: its SHA-256 is another`, status.DATA_LOSS);
  }
  try {
    const piece = pieceFromIPC(arrow, bfloat16 ? "uint16" : "float32", length);
    return piece instanceof Float32Array ? piece : fromBfloat16(piece);
  } catch (error) {
    throw refused(`a chunk of "${name}": ${(error as Error).message}`);
  }
}

/** The index of the first value that is not finite; -1 when all are. */
export const firstNonFinite = (values: Float32Array): number => {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return i;
  return -1;
};

/** The header, which comes first. @throws an error with the status INVALID_ARGUMENT when it does not. */
export async function readHeader(messages: AsyncIterator<ParcelMessage>): Promise<Header> {
  const first = await messages.next();
  const header = first.done ? undefined : first.value.header;
  if (!header) throw refused("a parcel begins with its header");
  return header;
}

/**
 * The vectors that follow a header that was checked.
 *
 * @throws an error with a status: DATA_LOSS for a wrong checksum, INVALID_ARGUMENT for what is no Arrow chunk, is not
 * the one to come, or has a value that is not finite.
 */
export async function readVectors(
  messages: AsyncIterator<ParcelMessage>,
  about: readonly VectorAbout[],
): Promise<Float32Array[]> {
  const vectors: Float32Array[] = [];
  for (const [index, { name, length, bfloat16 }] of about.entries()) {
    const values = new Float32Array(length);
    for (let offset = 0; offset < length; offset += CHUNK) {
      const next = await messages.next();
      if (next.done) throw refused(`it ends within "${name}"`);
      const { chunk } = next.value;
      if (!chunk || chunk.vector !== index || chunk.offset !== offset) {
        throw refused(`a message is not the chunk at ${offset} of "${name}", which was to come`);
      }
      values.set(readChunk(chunk, { name, length, bfloat16 }, Math.min(CHUNK, length - offset)), offset);
    }
    const bad = firstNonFinite(values);
    if (bad >= 0) throw refused(`value ${bad} of "${name}" is not finite`);
    vectors.push(values);
  }
  if (!(await messages.next()).done) throw refused("it goes on after its last vector");
  return vectors;
}
