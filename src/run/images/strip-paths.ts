/** Keeps paths of this machine out of reports. */
import { basename, isAbsolute } from "node:path";

/** Replaces absolute paths with file names, so that reports can be shared. */
export const stripPaths = <T>(value: T): T =>
  JSON.parse(JSON.stringify(value, (_, x: unknown) => (typeof x === "string" && isAbsolute(x) ? basename(x) : x))) as T;
