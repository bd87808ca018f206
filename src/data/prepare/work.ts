/** The work of preparing, as its files name it. */
import { z } from "zod";

const count = z.int().min(0);

/** Everything that the pictures depend on: the same work gives the same shards. */
export const work = z.object({
  format: z.string(),
  /** The user's file that exports the format; absent where it comes with the program, empty where none is known. */
  formatFile: z.string().optional(),
  split: z.string(),
  version: z.string().optional(),
  /** The path given with --from, absolute; absent for data that are fetched, and in old manifests. */
  from: z.string().optional(),
  /** The crop, size, colours and other options that were asked for. */
  options: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  /** A folder of images as one, with the number of its images and a hash over their names, sizes and times. */
  files: z.array(
    z.object({
      path: z.string(),
      part: z.string().optional(),
      bytes: z.number(),
      modified: z.number(),
      images: count.optional(),
      listing: z.string().optional(),
    }),
  ),
  /** Largest size of a shard. */
  shardBytes: count,
  /** Form of the resizing, where images are resized; absent, 1. */
  resizing: count.optional(),
});

/** Everything that prepared pictures depend on. */
export type Work = z.infer<typeof work>;

/** Work as a file has it; undefined for anything else. */
export const workOf = (value: unknown): Work | undefined => work.safeParse(value).data;
