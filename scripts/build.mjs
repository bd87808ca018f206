/**
 * Builds the package in `dist`: `npm run build`, then `npm pack ./dist`.
 *
 * `dist` is laid out as the repository is, so that whatever is read at run time by a path (.proto, CSS, C++, the set-up)
 * is found from the built files as from the sources.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");

/** Fetched by the set-up instead of npm: its install script downloads a TensorFlow of 2022. */
const FETCHED = "@tensorflow/tfjs-node-gpu";

/** What people read beside the code: the README's links lead there. */
const READ = ["CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md", "docs", "examples"];

const built = (source) => source.replace(/\.ts$/, ".js");

/** The package.json of what is published, from the repository's. */
function published(manifest, lock) {
  const { name, version, description, type, license, engines, exports, dependencies } = manifest;
  const { dependencies: needed, version: fetched, integrity } = lock.packages[`node_modules/${FETCHED}`];
  const versionOf = (path) => lock.packages[`node_modules/${path}`].version;
  const own = { ...dependencies, ...Object.fromEntries(Object.keys(needed).map((path) => [path, versionOf(path)])) };
  delete own[FETCHED];
  const entries = Object.entries(exports).map(([path, source]) => {
    const file = built(source);
    return [path, { types: file.replace(/\.js$/, ".d.ts"), default: file }];
  });
  return {
    ...{ name, version, description, type, license, engines },
    exports: Object.fromEntries(entries),
    types: built(exports["."]).replace(/\.js$/, ".d.ts"),
    bin: { scorestream: "scripts/scorestream.mjs" },
    files: ["src", "pipelines", "proto", "scripts", ...READ],
    dependencies: Object.fromEntries(Object.entries(own).sort(([a], [b]) => (a < b ? -1 : 1))),
    scorestream: { fetched: { name: FETCHED, version: fetched, integrity } },
  };
}

const readJson = (name) => JSON.parse(readFileSync(join(root, name), "utf8"));

/** Copies the files of a folder that no compiler makes: everything but the sources. */
function copyAssets(folder) {
  for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith(".ts")) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    cpSync(path, join(dist, path.slice(resolve(root).length)));
  }
}

rmSync(dist, { recursive: true, force: true });
const { status } = spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], {
  cwd: root,
  stdio: "inherit",
});
if (status !== 0) process.exit(status ?? 1);
copyAssets("src");
copyAssets("proto");
mkdirSync(join(dist, "scripts"), { recursive: true });
cpSync(join(root, "scripts/setup"), join(dist, "scripts/setup"), { recursive: true });
for (const name of ["run.mjs", "scorestream.mjs"]) cpSync(join(root, "scripts", name), join(dist, "scripts", name));
chmodSync(join(dist, "scripts/scorestream.mjs"), 0o755);
for (const name of READ) cpSync(join(root, name), join(dist, name), { recursive: true });
const manifest = published(readJson("package.json"), readJson("package-lock.json"));
writeFileSync(join(dist, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
