import { Readable } from "node:stream";
import { createTarDecoder } from "modern-tar";
import { BadDataError } from "./bad-data.ts";
import { fileBytes, isGzip } from "./byte-reader.ts";
import { MAX_RECORD_BYTES } from "./limits.ts";

/** A file in an archive; `read` fails when there is something wrong with it. */
export interface TarFile {
  /** Archive and name in it. */
  readonly name: string;
  readonly read: () => Uint8Array;
  /** Its name in the archive; of a fault absent. */
  readonly file?: string;
  /** The archive is damaged here: no file follows. */
  readonly last?: boolean;
}

/**
 * True for a name that leaves the folder. Nothing is ever written under an entry's name, but such an archive is not to
 * be trusted.
 */
const leavesFolder = (name: string) => /^([/\\]|[A-Za-z]:)|(^|[/\\])\.\.([/\\]|$)/.test(name) || name.includes("\0");

/**
 * The files of a .tar or .tar.gz archive whose names are wanted, one in memory at a time.
 *
 * A damaged archive ends with a file that cannot be read. Links and folders are passed over.
 *
 * @param onOther Told of links, devices and so on, but not of folders.
 */
export async function* tarEntries(
  path: string,
  wanted: (name: string) => boolean,
  onOther: (type: string, name: string) => void = () => {},
): AsyncGenerator<TarFile> {
  const source = fileBytes(path, { packed: await isGzip(path) });
  const tar = (Readable.toWeb(source) as ReadableStream<Uint8Array>).pipeThrough(createTarDecoder({ strict: true }));
  let index = 0;
  try {
    for await (const { header, body } of tar) {
      const name = `${path}: entry ${index++}, ${header.name}`;
      if (header.type !== undefined && !["file", "directory"].includes(header.type)) onOther(header.type, header.name);
      const leaves = leavesFolder(header.name);
      const asked = !leaves && header.type === "file" && wanted(header.name);
      const fault = faultOf(header.size, { leaves, asked });
      const keep = asked && fault === undefined;
      // Refused before gigabytes may be read.
      if (fault !== undefined) yield broken(name, fault);
      // Unwanted entries are read too: after body.cancel() the decoder (modern-tar 0.8.6) can stall on the next file.
      const bytes = await collectBytes(body, keep ? header.size : 0);
      if (keep) yield { name, file: header.name, read: () => bytes };
    }
  } catch (error) {
    const { message, cause } = error as Error;
    // Errors of the file system are not the archive's.
    for (const from of [error, cause]) if (from instanceof Error && "syscall" in from) throw from;
    const reason = `the archive is damaged or cut short: ${message}`;
    yield { ...broken(`${path}: entry ${index}`, reason, { whole: true }), last: true };
  } finally {
    source.destroy();
  }
}

/** What nobody asked for, such as a film beside its picture, may have any size. */
function faultOf(size: number, { leaves, asked }: { leaves: boolean; asked: boolean }): string | undefined {
  if (leaves) return "its name leads out of the archive's folder";
  return asked && size > MAX_RECORD_BYTES ? `${size} bytes are too many for an image` : undefined;
}

function broken(name: string, reason: string, fault?: { whole: boolean }): TarFile {
  return {
    name,
    read() {
      throw new BadDataError(name, reason, fault);
    },
  };
}

/** The first `size` bytes; the decoder itself throws when there are fewer than the header says. */
export async function collectBytes(body: ReadableStream<Uint8Array>, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  let at = 0;
  for await (const chunk of body) {
    if (at < size) bytes.set(chunk.subarray(0, size - at), at);
    at += chunk.length;
  }
  return bytes;
}
