/** `docs/reference/licences.md`: the packages that a run needs, by licence, from the lock file. */
import { readFileSync } from "node:fs";
import { listed } from "../../src/base/lists.ts";
import { code, generatedFrom, table } from "./table.ts";

interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly hasInstallScript?: boolean;
}

const lock = () =>
  Object.entries(
    (JSON.parse(readFileSync("package-lock.json", "utf8")) as { packages: Record<string, Locked> }).packages,
  )
    .filter(([path, { dev, devOptional }]) => path !== "" && !dev && !devOptional)
    .map(([path, about]) => ({ name: path.replace(/^.*node_modules\//, ""), ...about }));

/** @throws Error for a package that names no licence. */
export function licences(): string {
  const packages = lock();
  const without = packages.filter(({ license }) => !license).map(({ name }) => name);
  if (without.length > 0) throw new Error(`no licence: ${without.join(", ")}`);
  const about = new Map(
    packages.map(({ name, version, license }) => [`${name} ${version}`, [name, version!, license!]]),
  );
  const rows = [...about].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  const scripts = packages.filter(({ hasInstallScript }) => hasInstallScript).map(({ name }) => code(name));
  return [
    "# Licences",
    "",
    generatedFrom("`package-lock.json`"),
    "ScoreStream is under the Apache License 2.0. A run needs these packages.",
    "`sharp` loads libvips, which is under LGPL-3.0-or-later, as a library of its own.",
    "",
    `No install script runs: \`.npmrc\` forbids them. These packages have one: ${listed(scripts)}.`,
    "",
    table(["Package", "Version", "Licence"], rows),
  ].join("\n");
}
