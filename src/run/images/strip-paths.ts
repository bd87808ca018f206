/** What a report tells of this machine. */
import { basename, isAbsolute } from "node:path";

/** The same without the folders of this machine, for a report is passed on: of absolute paths the last part. */
export const stripPaths = <T>(value: T): T =>
  JSON.parse(JSON.stringify(value, (_, x: unknown) => (typeof x === "string" && isAbsolute(x) ? basename(x) : x))) as T;
