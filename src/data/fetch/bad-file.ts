/** Data that is not what it should be. What to do about it depends on where it came from, so the caller decides. */
export class BadFileError extends Error {
  override readonly name = "BadFileError";
}
