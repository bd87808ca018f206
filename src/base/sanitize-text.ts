/** Makes text from outside fit for a log, a terminal or an answer: one line, bounded length, no control characters. */
export function sanitizeText(text: string, limit = 500): string {
  // Cut first: the rest need not be searched.
  const start = text.slice(0, limit);
  const line = start.replaceAll(/\s+/g, " ").replaceAll(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu, "\ufffd");
  return text.length > limit ? `${line}... (${text.length} characters)` : line;
}
