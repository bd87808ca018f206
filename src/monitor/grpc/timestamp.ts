/** Times on the wire. */

/** `google.protobuf.Timestamp`. */
export interface Timestamp {
  /** Since 1970, UTC. */
  readonly seconds: number;
  readonly nanos: number;
}

/** Null for what is no time. @param time ISO 8601. */
export function toTimestamp(time: string): Timestamp | null {
  const ms = Date.parse(time);
  if (Number.isNaN(ms)) return null;
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: (ms - seconds * 1000) * 1e6 };
}

/** ISO 8601, UTC. @throws RangeError for an impossible time. */
export const fromTimestamp = ({ seconds, nanos }: Timestamp): string =>
  new Date(seconds * 1000 + nanos / 1e6).toISOString();
