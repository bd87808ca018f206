/** The data that the page shows. */
import type { Archive } from "../archive.ts";
import type { Feed } from "../feed.ts";

export interface WebSource {
  readonly feed: Feed;
  /** Folder of a run's files; undefined where they are on another machine. */
  workdir(runId: string): string | undefined;
  /** Records that the page may delete; absent: it only reads. */
  readonly kept?: Pick<Archive, "records" | "remove"> | undefined;
}

/** The names of all runs that have a record. */
export const runsOf = ({ feed }: WebSource): string[] => [...new Set(feed.logs().map(({ owner }) => owner.runId))];
