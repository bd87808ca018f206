/** JSON that keeps numbers which are not finite: they are written as `{"number":"NaN"}`. */

const NAMES: Readonly<Record<string, number>> = { NaN, Infinity, "-Infinity": -Infinity };

/** Like `JSON.stringify`, in one line. */
export const stringifyNumbers = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "number" && !Number.isFinite(inner) ? { number: String(inner) } : inner,
  );

/** The number of `{"number":"NaN"}`; undefined for anything else. */
function numberOf(value: unknown): number | undefined {
  if (typeof value !== "object" || value === null || Object.keys(value).join() !== "number") return undefined;
  return NAMES[String((value as { number: unknown }).number)];
}

/** Reads what {@link stringifyNumbers} wrote. @throws SyntaxError when it is no JSON. */
export const parseNumbers = (text: string): unknown =>
  JSON.parse(text, (_, value: unknown) => numberOf(value) ?? value);
