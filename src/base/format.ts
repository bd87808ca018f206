/** Numbers and times for people. */

/** "45 s", "12 min 5 s", "3 h 20 min", "4 d 2 h". */
export function duration(seconds: number): string {
  const s = Math.round(seconds);
  const parts: [number, string][] = [
    [Math.floor(s / 86400), "d"],
    [Math.floor(s / 3600) % 24, "h"],
    [Math.floor(s / 60) % 60, "min"],
    [s % 60, "s"],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  if (first < 0) return seconds > 0.05 ? `${seconds.toFixed(1)} s` : "0 s";
  const shown = parts.slice(first, first + 2).filter(([value]) => value > 0);
  return shown.map(([value, unit]) => `${value} ${unit}`).join(" ");
}

/** A value with the digits its standard error leaves sense in: "4.213 ± 0.021". */
export function withError(value: number, standardError: number | undefined): string {
  if (standardError === undefined || !(standardError > 0)) return value.toFixed(4);
  const digits = Math.min(Math.max(1 - Math.floor(Math.log10(standardError)), 0), 6);
  return `${value.toFixed(digits)} ± ${standardError.toFixed(digits)}`;
}

/** Four significant digits. */
export const short = (value: number) => String(Number(value.toPrecision(4)));
/** "3.93 GB", powers of 1000. */
export function byteText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(Math.max(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), 0), units.length - 1);
  return `${short(bytes / 1000 ** power)} ${units[power]}`;
}

/** A word as a shell takes it, for a command that people copy. */
export const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

const ORDINALS = new Intl.PluralRules("en", { type: "ordinal" });
const SUFFIXES: Readonly<Record<string, string>> = { one: "st", two: "nd", few: "rd", other: "th" };

/** "2nd", "3rd", "20th". */
export const ordinal = (number: number): string => `${number}${SUFFIXES[ORDINALS.select(number)]}`;
