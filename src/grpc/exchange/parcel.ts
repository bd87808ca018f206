/** Vectors on their way: a header, then Arrow chunks, each with its CRC-32. */
import { status } from "@grpc/grpc-js";
import { statusError } from "../receive.ts";
import { ChunkToSend, readChunk, scratchFor } from "./chunk.ts";
import type { Header, ParcelMessage, SentParcel, VectorAbout } from "./definition.ts";

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

export const aboutOf = (vectors: readonly Vector[]): VectorAbout[] =>
  vectors.map(({ name, values, bfloat16 }) => ({ name, length: values.length, bfloat16 }));

/** The messages of a parcel, made as they are asked for. */
export async function* parcel(
  header: Omit<Header, "vectors">,
  vectors: readonly Vector[],
): AsyncGenerator<SentParcel, void> {
  yield { header: { ...header, vectors: aboutOf(vectors) } };
  const scratch = scratchFor(Math.min(CHUNK, Math.max(0, ...vectors.map(({ values }) => values.length))));
  for (const [vector, { values, bfloat16 }] of vectors.entries()) {
    for (let offset = 0; offset < values.length; offset += CHUNK) {
      yield new ChunkToSend(vector, offset, values.subarray(offset, offset + CHUNK), bfloat16, scratch);
    }
  }
}

const refused = (what: string) => statusError(status.INVALID_ARGUMENT, what);

/** @throws an error with the status INVALID_ARGUMENT that names the first difference. */
export function requireVectors(got: readonly VectorAbout[], wanted: readonly VectorAbout[]): void {
  const text = (about: VectorAbout | undefined) =>
    about ? `"${about.name}" of ${about.length} ${about.bfloat16 ? "bfloat16" : "float32"} values` : "nothing";
  for (let i = 0; i < Math.max(got.length, wanted.length); i++) {
    const [a, b] = [text(got[i]), text(wanted[i])];
    if (a !== b) throw refused(`vector ${i} is ${a}, expected ${b}`);
  }
}

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
 * @param allocate Gives the memory for one.
 * @throws an error with a status: DATA_LOSS for a wrong checksum, INVALID_ARGUMENT for what is no Arrow chunk, is not
 * the one to come, or has a value that is not finite.
 */
export async function readVectors(
  messages: AsyncIterator<ParcelMessage>,
  about: readonly VectorAbout[],
  allocate = (length: number): Float32Array => new Float32Array(length),
): Promise<Float32Array[]> {
  const vectors: Float32Array[] = [];
  for (const [index, { name, length, bfloat16 }] of about.entries()) {
    const values = allocate(length);
    for (let offset = 0; offset < length; offset += CHUNK) {
      const next = await messages.next();
      if (next.done) throw refused(`it ends within "${name}"`);
      const { chunk } = next.value;
      if (!chunk || chunk.vector !== index || chunk.offset !== offset) {
        throw refused(`a message is not the chunk at ${offset} of "${name}", which was to come`);
      }
      readChunk(chunk, { name, length, bfloat16 }, values.subarray(offset, offset + CHUNK));
    }
    vectors.push(values);
  }
  if (!(await messages.next()).done) throw refused("it goes on after its last vector");
  return vectors;
}
