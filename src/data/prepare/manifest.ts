import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { UsageError } from "../../base/errors.ts";
import { sealJson, unsealJson } from "../../base/sealed-json.ts";
import { writeFileAtomic } from "../formats/arrow-file.ts";
import { prepareAgain } from "./prepare-again.ts";
import { LAYOUT } from "./shard-file.ts";
import { work } from "./work.ts";

const count = z.int().min(0);
/** Largest number of values in one array of the runtime. */
const MOST_VALUES = 2 ** 32 - 1;
const shape = z.tuple([count, count, count]).refine((lengths) => lengths.reduce((a, b) => a * b, 1) <= MOST_VALUES, {
  error: ({ input }) => `images of ${String(input)} have more values than memory can hold`,
});

const skipped = z.object({
  /** File and index. */
  where: z.string(),
  reason: z.string(),
  /** Number of images lost by it. */
  lost: count,
});

const shard = z.object({
  file: z.string().regex(/^shard-\d+\.arrow$/),
  /** Images in it. */
  count,
  bytes: count,
  /** SHA-256 of the whole file. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

const manifest = z.object({
  kind: z.literal("scorestream-shards"),
  /** Form of the shards' files; absent, 1. */
  layout: z.int().min(1).optional(),
  work,
  /** [H, W, C] */
  shape,
  /** Images in all shards. */
  count,
  shards: z.array(shard),
  /** Mean and standard deviation of every channel over all pixels, on the scale 0..1, [C]. */
  channelMeans: z.array(z.number()),
  channelDeviations: z.array(z.number()),
  /** Number of images of each class; absent without labels. */
  classCounts: z.array(count).optional(),
  classNames: z.array(z.string()).optional(),
  /**
   * Bad data that were left out: images, and files that could not be read completely or are not the published ones. The
   * first of both are listed with their reasons.
   */
  skipped: z.object({ count, files: count.default(0), first: z.array(skipped) }),
  /** Other content that was not read: counts by reason, with the first names. */
  passedOver: z.array(z.object({ reason: z.string(), count, first: z.array(z.string()) })).optional(),
});

export type Skipped = Readonly<z.infer<typeof skipped>>;
export type ShardInfo = Readonly<z.infer<typeof shard>>;
export type { Work } from "./work.ts";
/** The content of a folder of shards, its `manifest.json`. */
export type Manifest = Readonly<z.infer<typeof manifest>>;

export const manifestFile = (directory: string) => join(directory, "manifest.json");

/** True if the folder holds prepared data. */
export const hasManifest = (directory: string) => existsSync(manifestFile(directory));

export async function writeManifest(directory: string, value: Manifest): Promise<void> {
  await writeFileAtomic(manifestFile(directory), [new TextEncoder().encode(sealJson(value))]);
}

/**
 * Like {@link readManifest}, but undefined when the manifest is damaged, so that it has to be written anew.
 *
 * @throws UsageError when another program wrote it.
 */
export async function readableManifest(directory: string): Promise<Manifest | undefined> {
  const path = manifestFile(directory);
  const text = await readFile(path, "utf8");
  let found: { readonly kind?: unknown; readonly layout?: unknown };
  try {
    found = JSON.parse(text) as typeof found;
  } catch {
    return undefined;
  }
  if (found?.kind !== "scorestream-shards") {
    throw new UsageError(`${path} was not written by this program`, "use another --out");
  }
  requireKnownLayout(path, found.layout);
  return readManifest(directory).catch((error: unknown) => {
    if (error instanceof UsageError) return undefined;
    throw error;
  });
}

/** @throws UsageError when a later version wrote the shards. */
function requireKnownLayout(path: string, layout: unknown): void {
  if (typeof layout !== "number" || layout <= LAYOUT) return;
  throw new UsageError(
    `${path}: its shards have layout ${layout}; this version reads layouts up to ${LAYOUT}`,
    "update ScoreStream, or prepare the data with this version into another folder",
  );
}

/** Reads the manifest of a folder. @throws UsageError when there is none, or another program wrote it. */
export async function readManifest(directory: string): Promise<Manifest> {
  const path = manifestFile(directory);
  if (!existsSync(path)) {
    throw new UsageError(
      `${path} is missing`,
      "name a folder that npm run data -- prepare has finished, or prepare it again",
    );
  }
  try {
    const found = JSON.parse(await readFile(path, "utf8")) as unknown;
    const { whole = true } = unsealJson(found as Readonly<Record<string, unknown>>);
    if (!whole) throw new Error("its content does not match its hash");
    const value = manifest.parse(found);
    requireKnownLayout(path, value.layout);
    const sum = value.shards.reduce((total, part) => total + part.count, 0);
    if (sum !== value.count) throw new Error(`its shards have ${sum} images, it says ${value.count}`);
    return value;
  } catch (error) {
    if (error instanceof UsageError || (error instanceof Error && "syscall" in error)) throw error;
    throw new UsageError(`${path} is damaged: ${reason(error)}`, prepareAgain(directory), { cause: error });
  }
}

const reason = (error: unknown) =>
  error instanceof z.ZodError ? z.prettifyError(error).replace(/\s+/g, " ") : (error as Error).message;

/** "3 bad images, 1 damaged file", or nothing. */
export function leftText({ count, files }: { readonly count: number; readonly files: number }): string {
  const of = (number: number, one: string) => (number > 0 ? [`${number} ${one}${number === 1 ? "" : "s"}`] : []);
  return [...of(count, "bad image"), ...of(files, "damaged file")].join(", ");
}
