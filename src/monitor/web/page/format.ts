/** Numbers for people. */

/** Four significant digits; very large and very small ones with an exponent. */
export function number(value: number | undefined): string {
  if (value === undefined) return "–";
  if (!Number.isFinite(value)) return "not finite";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2).replace("e+", "e");
  return size >= 10_000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(4)));
}

/** "512 KiB", "1.42 GiB". */
export function bytesText(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(Math.max(Math.floor(Math.log2(Math.max(value, 1)) / 10), 0), units.length - 1);
  return `${Number((value / 1024 ** power).toPrecision(4))} ${units[power]}`;
}

/** "3.1 ms", "1.25 s". */
export function seconds(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return "–";
  if (value < 1e-3) return `${Number((value * 1e6).toPrecision(2))} µs`;
  if (value < 1) return `${Number((value * 1e3).toPrecision(3))} ms`;
  return durationText(value);
}

/** "2.5 s", "45 s", "12 min 5 s", "3 h 20 min", "4 d 2 h". */
export function durationText(value: number): string {
  if (value < 10) return `${Number(value.toFixed(1))} s`;
  const s = Math.round(value);
  const parts: [number, string][] = [
    [Math.floor(s / 86_400), "d"],
    [Math.floor(s / 3600) % 24, "h"],
    [Math.floor(s / 60) % 60, "min"],
    [s % 60, "s"],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  const shown = parts.slice(first, first + 2).filter(([count]) => count > 0);
  return shown.map(([count, unit]) => `${count} ${unit}`).join(" ");
}
