/** Image files as entries. Small PNG files are read and decoded by threads, many at once. */
import { BadDataError, badEntry } from "./bad-data.ts";
import { decodeImage, fitDecoded } from "./decode-image.ts";
import { readInThreads, worthThreads } from "./decode-threads.ts";
import { MAX_FILE_BYTES } from "./limits.ts";
import { openFile, shownPath, type FilePath } from "./listing.ts";
import type { ImageOptions } from "./options.ts";
import type { Picture, SourceEntry } from "./source.ts";

/** An image file that is to be an entry. */
export interface EntryFile {
  readonly path: FilePath;
  readonly label?: number | undefined;
  /** Why it cannot be read. */
  readonly fault?: BadDataError | undefined;
}

/** Files that a thread is given in one message: enough that it costs little, few enough that their pixels are. */
const TOGETHER = 64;
/** Groups of files that are begun before they are asked for, so that no thread waits. */
const AHEAD = 6;

const isPng = (path: FilePath): boolean => /\.png$/i.test(path.toString("latin1"));

/** Decodes an image file in this thread. @throws BadDataError */
async function loadFile(path: FilePath, options: ImageOptions): Promise<Picture> {
  const where = shownPath(path);
  const { file, size } = await openFile(path);
  try {
    if (size > MAX_FILE_BYTES) throw new BadDataError(where, `${size} bytes are too many for an image`);
    return await decodeImage(await file.readFile(), where, options);
  } finally {
    await file.close();
  }
}

/** Files in a row, read as soon as the first of them is asked for, and with it the groups behind it. */
class Group {
  readonly #files: readonly EntryFile[];
  readonly #options: ImageOptions;
  readonly #small = new Map<EntryFile, number>();
  #pictures: Promise<readonly (Picture | undefined)[]> | undefined;
  #begun = false;
  /** The groups behind it. They are not linked to each other: one that is done with would keep the rest in memory. */
  readonly #ahead: readonly Group[];

  constructor(files: readonly EntryFile[], options: ImageOptions, ahead: readonly Group[]) {
    [this.#files, this.#options, this.#ahead] = [files, options, ahead];
    for (const file of files) if (!file.fault && isPng(file.path)) this.#small.set(file, this.#small.size);
  }

  entries(): SourceEntry[] {
    return this.#files.map((file) => {
      const { path, label, fault } = file;
      if (fault) return badEntry(fault);
      return { name: shownPath(path), ...(label === undefined ? {} : { label }), load: () => this.#load(file) };
    });
  }

  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    const paths = [...this.#small.keys()].map(({ path }) => path);
    if (paths.length === 0 || !worthThreads(paths.length)) return;
    this.#pictures = readInThreads(paths);
    // They are awaited later; until then a failure is not unhandled.
    this.#pictures.catch(() => {});
  }

  async #load(file: EntryFile): Promise<Picture> {
    this.begin();
    for (const group of this.#ahead) group.begin();
    const place = this.#small.get(file);
    const small = place === undefined ? undefined : (await this.#pictures)?.[place];
    return small ? fitDecoded(small, shownPath(file.path), this.#options) : loadFile(file.path, this.#options);
  }
}

/** The images of files as entries, in their order. Those before an error of `files` are given before it is thrown. */
export async function* fileEntries(
  files: AsyncIterable<EntryFile>,
  options: ImageOptions,
): AsyncGenerator<SourceEntry> {
  const ahead: Group[] = [];
  let some: EntryFile[] = [];
  const close = () => {
    ahead.push(new Group(some, options, ahead));
    some = [];
  };
  let failure: { readonly error: unknown } | undefined;
  try {
    for await (const file of files) {
      some.push(file);
      if (some.length < TOGETHER) continue;
      close();
      if (ahead.length > AHEAD) yield* ahead.shift()!.entries();
    }
  } catch (error) {
    failure = { error };
  }
  if (some.length > 0) close();
  while (ahead.length > 0) yield* ahead.shift()!.entries();
  if (failure) throw failure.error;
}
