/** The texts of `npm run data` about shards. */
import { listed } from "../base/lists.ts";
import { leftText, type Manifest } from "../data/prepare/manifest.ts";
import { byteText } from "../base/format.ts";

export const bytesIn = ({ shards }: Manifest): number => shards.reduce((sum, { bytes }) => sum + bytes, 0);

const decimals = (values: readonly number[]) => values.map((value) => value.toFixed(4)).join(" ");

/** "none", or how many and the first of them. */
export function skippedText(skipped: Manifest["skipped"], shown = 5): string {
  const { count, files, first } = skipped;
  if (count + files === 0) return "none";
  const lines = first.slice(0, shown).map(({ where, reason }) => `\n  ${where}: ${reason}`);
  const more = first.length > shown || count + files > first.length ? "\n  ..." : "";
  return `${leftText(skipped)}${lines.join("")}${more}`;
}

/** "10 .bmp: not read (0.bmp, 1.bmp ...); 2 hidden (.DS_Store, ._a)", or nothing. */
export const passedOverText = (passedOver: Manifest["passedOver"] = []): string =>
  passedOver
    .map(({ reason, count, first }) => `${count} ${reason} (${first.join(", ")}${count > first.length ? " ..." : ""})`)
    .join("; ");

function classText({ classCounts = [], classNames }: Manifest): string {
  if (classCounts.length === 0) return "none";
  const counts = [Math.min(...classCounts), Math.max(...classCounts)];
  const names = classNames ? `: ${listed(classNames, { shown: 12 })}` : "";
  return `${classCounts.length} classes of ${[...new Set(counts)].join(" to ")} images${names}`;
}

/** A manifest in lines for people. */
export function manifestText(manifest: Manifest): string {
  const { work, shape, count, shards, channelMeans, channelDeviations, skipped } = manifest;
  const options = Object.entries(work.options).map(([name, value]) => `${name} ${value}`);
  const lines: [string, string][] = [
    ["data", [work.format, work.version && `(${work.version} version)`, work.split].filter(Boolean).join(" ")],
    ["images", `${count} of [${shape.join(", ")}]`],
    ["labels", classText(manifest)],
    ["shards", `${shards.length}, ${byteText(bytesIn(manifest))}`],
    ["mean", `${decimals(channelMeans)} (each channel, 0 to 1)`],
    ["deviation", decimals(channelDeviations)],
    ["made from", work.files.map(({ path }) => path).join(", ") || "the published files"],
    ["options", options.join(", ") || "none"],
    ["left out", skippedText(skipped)],
    ["passed over", passedOverText(manifest.passedOver) || "nothing"],
  ];
  return lines.map(([name, value]) => `${name.padEnd(12)}${value}\n`).join("");
}
