/** Vectors on their way: a header, then Arrow chunks, each with its CRC-32. */
import { setImmediate } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { statusError } from "../receive.ts";
import { checkShared, ChunkToSend, readChunk, readShared, scratchFor, type Scratch } from "./chunk.ts";
import type { SentParcel } from "./definition.ts";
import type { ParcelMessage } from "../../exchange/messages.ts";
import type { SharedPieces } from "../../exchange/messages.ts";
import type { Header } from "../../exchange/messages.ts";
import type { VectorAbout } from "../../exchange/messages.ts";
import { formatOf, packed, packedSize, type Formatted } from "./number-format.ts";
import type { Lane, PeerMemory } from "./shared-memory.ts";

/** A vector to send, rounded to its format on the way. */
export interface Vector extends Formatted {
  readonly name: string;
  readonly values: Float32Array;
  /** Sees each piece before it goes; false ends the parcel. */
  readonly look?: (piece: Float32Array) => boolean;
}

/** Values in a chunk, whole blocks of int8: with its framing it stays below 1 MiB. */
export const CHUNK = 2 ** 18 - 2 ** 10;
/** Bytes of a message, its names included. */
export const MESSAGE_LIMIT = 2 ** 21;

export const aboutOf = (vectors: readonly Vector[]): VectorAbout[] =>
  vectors.map(({ name, values, bfloat16, int8 }) => ({ name, length: values.length, bfloat16, ...(int8 && { int8 }) }));

/** [index, offset, values, the whole vector], as they go. */
function* piecesOf(vectors: readonly Vector[]): Generator<[number, number, Float32Array, Vector]> {
  for (const [index, whole] of vectors.entries()) {
    for (let offset = 0; offset < whole.values.length; offset += CHUNK) {
      yield [index, offset, whole.values.subarray(offset, offset + CHUNK), whole];
    }
  }
}

/** Bytes of shared memory that hold these vectors. */
export function sharedSize(vectors: readonly Vector[]): number {
  let bytes = 0;
  for (const [, , { length }, vector] of piecesOf(vectors)) bytes += packedSize(length, formatOf(vector));
  return bytes;
}

/** Pieces in shared memory that one message tells of: few messages, and the other side begins soon. */
const PIECES = 4;

/** The messages of a parcel, made as they are asked for. @param lane Takes its pieces, as long as there is room. */
export async function* parcel(
  header: Omit<Header, "vectors">,
  vectors: readonly Vector[],
  lane?: Lane,
): AsyncGenerator<SentParcel, void> {
  let first: Header | undefined = { ...header, vectors: aboutOf(vectors), ...(lane && { shared: lane.place }) };
  let scratch: Scratch | undefined;
  let shared: SharedPieces | undefined;
  const message = (): SentParcel => {
    const [head, pieces] = [first, shared];
    first = shared = undefined;
    return head ? { header: { ...head, pieces } } : { shared: pieces };
  };
  for (const [vector, offset, values, { name, look, ...about }] of piecesOf(vectors)) {
    if (look?.(values) === false) throw new RangeError(`${name} is not to be sent`);
    const format = formatOf(about);
    const at = lane?.write(packed(values, format));
    if (at !== undefined) {
      shared ??= { vector, offset, at, pieces: 0 };
      shared.pieces++;
    }
    if (shared?.pieces === PIECES) {
      yield message();
      // Such a message is short, so nothing else would let others run.
      await setImmediate();
    }
    if (at === undefined) {
      if (first ?? shared) yield message();
      scratch ??= scratchFor(Math.min(CHUNK, Math.max(...vectors.map((one) => one.values.length))));
      yield new ChunkToSend(vector, offset, values, format, scratch);
    }
  }
  if (first ?? shared) yield message();
}

const refused = (what: string) => statusError(status.INVALID_ARGUMENT, what);

const described = (about: VectorAbout | undefined) =>
  about ? `"${about.name}" of ${about.length} ${formatOf(about)} values` : "nothing";

/** @throws an error with the status INVALID_ARGUMENT that names the first difference. */
export function requireVectors(got: readonly VectorAbout[], wanted: readonly VectorAbout[]): void {
  for (let i = 0; i < Math.max(got.length, wanted.length); i++) {
    const [a, b] = [got[i], wanted[i]];
    if (a && b && a.name === b.name && a.length === b.length && formatOf(a) === formatOf(b)) continue;
    throw refused(`vector ${i} is ${described(a)}, expected ${described(b)}`);
  }
}

/**
 * The header, which comes first; undefined where nothing comes.
 *
 * @throws an error with the status INVALID_ARGUMENT for another message.
 */
export async function readHeader(messages: AsyncIterator<ParcelMessage>): Promise<Header | undefined> {
  const first = await messages.next();
  if (first.done) return undefined;
  if (!first.value.header) throw refused("a parcel begins with its header");
  return first.value.header;
}

export interface ReadOptions {
  /** Arrays to fill; by default new ones. */
  readonly into?: readonly Float32Array[];
  /** Memory of the sender, where pieces may be. */
  readonly memory?: PeerMemory | undefined;
  /** Those of the header. */
  readonly pieces?: Readonly<SharedPieces> | null | undefined;
  /** Receives the place of a float32 piece in that memory. Returns true to leave it there; it is only checked then. */
  readonly leave?: (vector: number, offset: number, at: number) => boolean;
  /** Called after each chunk with the number of values of a vector that are there. */
  readonly onChunk?: (vector: number, there: number) => void;
}

async function nextOf(messages: AsyncIterator<ParcelMessage>, { name }: VectorAbout): Promise<ParcelMessage> {
  const next = await messages.next();
  if (next.done) throw refused(`it ends within "${name}"`);
  return next.value;
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
  { into = about.map(({ length }) => new Float32Array(length)), memory, pieces, leave, onChunk }: ReadOptions = {},
): Promise<readonly Float32Array[]> {
  const run = { at: 0, pieces: 0 };
  let ahead: ParcelMessage | undefined = pieces ? { shared: pieces } : undefined;
  for (const [index, one] of about.entries()) {
    const format = formatOf(one);
    for (let offset = 0; offset < one.length; offset += CHUNK) {
      const values = into[index]!.subarray(offset, offset + CHUNK);
      if (run.pieces === 0) {
        const { chunk, shared } = ahead ?? (await nextOf(messages, one));
        ahead = undefined;
        const found = chunk ?? shared;
        if (found?.vector !== index || found.offset !== offset || shared?.pieces === 0) {
          throw refused(`a message is not the chunk at ${offset} of "${one.name}", which was to come`);
        }
        if (chunk) readChunk(chunk, one, values);
        else Object.assign(run, shared);
      }
      if (run.pieces > 0) {
        if (!memory) throw refused(`"${one.name}" is in shared memory, of which the header does not tell`);
        if (format === "float32" && leave?.(index, offset, run.at))
          checkShared(memory, run.at, offset, one, values.length);
        else readShared(memory, run.at, offset, one, values);
        run.at += packedSize(values.length, format);
        run.pieces--;
      }
      onChunk?.(index, offset + values.length);
      // A waiting reader takes the chunk now, while it is in the cache.
      await Promise.resolve();
    }
  }
  if (run.pieces > 0) throw refused("it goes on after its last vector");
  return into;
}
