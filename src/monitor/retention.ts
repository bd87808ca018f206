/** Which records of an archive are kept, by their age and by the room that they take. */
import { byteText, duration } from "../base/format.ts";
import { sanitizeText } from "../base/sanitize-text.ts";
import type { Archive, KeptRecord } from "./archive.ts";

export interface Retention {
  /** ms after which a run that was not heard of is removed. */
  readonly keep?: number | undefined;
  /** Bytes of all records together; the ones heard of longest ago go first. */
  readonly maxSize?: number | undefined;
}

/** ms between looks. */
const LOOK = 60_000;

/** The records to remove; one of a live run never is. */
export function surplus(
  records: readonly KeptRecord[],
  { keep = Infinity, maxSize = Infinity }: Retention,
  now: number,
): KeptRecord[] {
  const oldest = records.filter(({ live }) => !live).sort((a, b) => a.heard - b.heard);
  let room = records.reduce((sum, { bytes }) => sum + bytes, 0);
  return oldest.filter(({ heard, bytes }) => {
    if (now - heard <= keep && room <= maxSize) return false;
    room -= bytes;
    return true;
  });
}

/** Removes what is too much, now and every minute, and says so. @returns Ends it. */
export function retain(
  archive: Archive,
  retention: Retention,
  tell: (text: string) => void,
  now: () => number = Date.now,
): () => void {
  const look = () => {
    for (const record of surplus(archive.records(), retention, now())) {
      const { runId, bytes, heard } = record;
      archive.remove(runId);
      tell(
        `removed the record of run ${sanitizeText(runId)}, ${byteText(bytes)}, last heard of ${duration((now() - heard) / 1000)} ago`,
      );
    }
  };
  const careful = () => {
    try {
      look();
    } catch (error) {
      tell(`warning: records could not be removed: ${(error as Error).message}`);
    }
  };
  careful();
  const timer = setInterval(careful, LOOK);
  timer.unref();
  return () => clearInterval(timer);
}
