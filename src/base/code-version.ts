/** The version of the program that computes a result. */
import { createHash, type Hash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { buildSync } from "esbuild";
import { isBuilt } from "./built.ts";

/** Folders of `src` that numbers come from; the others show, send and ask. */
const COMPUTING = [
  ...["base", "data", "engine", "likelihood", "metrics", "models", "ops", "quality", "sampling", "sde", "solvers"],
  ...["streams", "training"],
];

const root = new URL("../../", import.meta.url);

/** Source files end so: TypeScript here, JavaScript in a built package. */
const ending = isBuilt ? ".js" : ".ts";

/** Hashes a pipeline's file and the files it imports, packages left out. */
function addPipeline(hash: Hash, file: string): void {
  const absWorkingDir = dirname(resolve(file));
  const { metafile } = buildSync({
    ...{ entryPoints: [resolve(file)], absWorkingDir, bundle: true, write: false, metafile: true, logLevel: "silent" },
    ...{ platform: "node", format: "esm", packages: "external" },
  });
  for (const name of Object.keys(metafile.inputs).sort()) {
    hash.update(`\n${name}\n`).update(readFileSync(resolve(absWorkingDir, name)));
  }
}

function read(file: string | undefined): string {
  const { version, dependencies } = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as {
    version: string;
    dependencies: unknown;
  };
  const hash = createHash("sha256").update(JSON.stringify(dependencies));
  for (const folder of COMPUTING) {
    const files = readdirSync(new URL(`src/${folder}/`, root), { recursive: true, encoding: "utf8" });
    for (const name of files.filter((name) => name.endsWith(ending)).sort()) {
      hash.update(`\n${folder}/${name}\n`).update(readFileSync(new URL(`src/${folder}/${name}`, root)));
    }
  }
  if (file !== undefined) addPipeline(hash, file);
  return `${version}+${hash.digest("hex").slice(0, 12)}`;
}

const known = new Map<string | undefined, string>();

/**
 * The release, and a hash over the sources that numbers come from and the packages they use: "0.1.0+1f2e3d4c5b6a".
 *
 * @param file The pipeline's own file, which counts with all it imports.
 */
export function codeVersion(file?: string): string {
  const version = known.get(file) ?? read(file);
  known.set(file, version);
  return version;
}
