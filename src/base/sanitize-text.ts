/** What others say, for a log, a terminal or an answer: one line, of bounded length, without control characters. */
export function sanitizeText(text: string, limit = 500): string {
  // First: what is cut off need not be looked through.
  const start = text.slice(0, limit);
  const line = start.replaceAll(/\s+/g, " ").replaceAll(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu, "\ufffd");
  return text.length > limit ? `${line}... (${text.length} characters)` : line;
}
