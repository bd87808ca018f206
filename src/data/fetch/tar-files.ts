import { basename } from "node:path";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { createTarDecoder } from "modern-tar";
import { MAX_RECORD_BYTES } from "../sources/limits.ts";
import { collectBytes } from "../sources/tar.ts";
import { BadFileError } from "./bad-file.ts";

/**
 * Reads the wanted files of a .tar.gz stream, one at a time, so that the archive is never in memory as a whole.
 *
 * @param where What the archive is called in messages.
 * @param wanted Tells by its name, without folders, whether a file is needed.
 * @throws BadFileError when the archive is damaged, or the stream ends early.
 */
export async function* tarFiles(
  source: Readable,
  where: string,
  wanted: (name: string) => boolean,
): AsyncGenerator<{ name: string; bytes: Uint8Array }> {
  const gunzip = createGunzip();
  // Errors travel down the streams and are thrown by the loop below.
  pipeline(source, gunzip, () => {});
  const tar = Readable.toWeb(gunzip) as ReadableStream<Uint8Array>;
  try {
    for await (const { header, body } of tar.pipeThrough(createTarDecoder({ strict: true }))) {
      const name = basename(header.name);
      // Unwanted files are read too: after body.cancel() the decoder (modern-tar 0.8.6) can stall on the next file.
      const keep = header.type === "file" && wanted(name);
      if (keep && header.size > MAX_RECORD_BYTES) throw new RangeError(`${name} declares ${header.size} bytes`);
      const bytes = await collectBytes(body, keep ? header.size : 0);
      if (keep) yield { name, bytes };
    }
  } catch (error) {
    const { message, cause } = error as Error;
    const reason = cause instanceof Error ? `${message} (${cause.message})` : message;
    throw new BadFileError(`${where} cannot be read: ${reason}`, { cause: error });
  } finally {
    source.destroy();
  }
}
