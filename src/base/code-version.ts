/** Which version of this program computes. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";

/** Folders of `src` that numbers come from; the others show, send and ask. */
const COMPUTING = [
  ...["base", "data", "engine", "likelihood", "metrics", "models", "ops", "quality", "sampling", "sde", "solvers"],
  ...["streams", "training"],
];

const root = new URL("../../", import.meta.url);

/** Of the sources here, or of what was built from them. */
const ending = import.meta.url.endsWith(".js") ? ".js" : ".ts";

function read(): string {
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
  return `${version}+${hash.digest("hex").slice(0, 12)}`;
}

let known: string | undefined;

/** The release, and a hash over the sources that numbers come from and the packages they use: "0.1.0+1f2e3d4c5b6a". */
export const codeVersion = (): string => (known ??= read());
