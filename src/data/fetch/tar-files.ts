import { basename } from "node:path";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { createTarDecoder } from "modern-tar";
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
      const bytes = await collect(body, header.size);
      if (header.type === "file" && wanted(name)) yield { name, bytes };
    }
  } catch (error) {
    const { message, cause } = error as Error;
    const reason = cause instanceof Error ? `${message} (${cause.message})` : message;
    throw new BadFileError(`${where} cannot be read: ${reason}`, { cause: error });
  } finally {
    source.destroy();
  }
}

/** The decoder itself throws when there are fewer than `size` bytes. */
async function collect(body: ReadableStream<Uint8Array>, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  let at = 0;
  for await (const chunk of body) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
