/** The addon between Node and TensorFlow, compiled from the sources in the npm package. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { run, tail } from "./child.mjs";
import { SetupError } from "./errors.mjs";
import { bindingLink, cacheFolder, installed, modules, project, tfjs } from "./paths.mjs";
import { step } from "./progress.mjs";
import { seal } from "./sealed.mjs";
import { inPlace } from "./temporary.mjs";

const native = fileURLToPath(new URL("../../src/engine/native/", import.meta.url));
const own = (name) => join(native, name);
const quiet = own("quiet.cc");
const autoRef = own("auto-ref.h");
const additions = [
  ...["functions.cc", "values.cc", "memory.cc", "group-norm.cc", "between-products.cc", "collectives.cc", "context.cc"],
  ...["addition.h", "numbers.h", "port-filter.h", "auto-ref.h"],
].map(own);
const sources = join(tfjs, "binding");
// npm may have put it beside an installed package instead of into it.
const napiFolder = () => dirname(createRequire(join(project, "package.json")).resolve("node-api-headers/package.json"));
const napi = installed ? napiFolder() : join(modules, "node-api-headers");
const isMac = process.platform === "darwin";

const FLAGS = [
  ...["-std=c++17", "-O3", "-fPIC", "-fvisibility=hidden", "-w"],
  // Errors of the mathematics library, which nobody reads, keep compilers from vectorizing.
  ...["-fno-math-errno", "-fno-trapping-math"],
  ...["-DNAPI_VERSION=8", "-DNODE_GYP_MODULE_NAME=tfjs_binding"],
  ...(isMac ? ["-bundle", "-undefined", "dynamic_lookup"] : ["-shared"]),
];
const LIBRARIES = isMac
  ? ["libtensorflow_cc.2.dylib", "libtensorflow_framework.2.dylib"]
  : ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"];

/** Folder of the addon for the libraries in `libraries`, named by everything it is made from. */
export function bindingFolder(libraries) {
  const hash = createHash("sha256").update(JSON.stringify([libraries, FLAGS, process.platform, process.arch]));
  const names = readdirSync(sources).sort();
  const files = [...names.map((name) => join(sources, name)), quiet, ...additions];
  for (const path of files) hash.update(path.slice(modules.length)).update(readFileSync(path));
  hash.update("/node-api-headers/package.json").update(readFileSync(join(napi, "package.json")));
  return join(cacheFolder(), "bindings", hash.digest("hex").slice(0, 16));
}

/** The file that tfjs-node loads. */
export const addonIn = (folder) => join(folder, "tfjs_binding.node");

/**
 * Compiles the addon into `folder`.
 *
 * @throws SetupError when the compiler fails.
 */
export async function compileBinding({ compiler }, libraries, folder) {
  const tensorflow = join(libraries, "tensorflow");
  const real = "tensorflow.node";
  // From the addon's own folder: in a whole path a comma, a colon or a "$" would mean something to the linker.
  const search = `${isMac ? "@loader_path" : "$ORIGIN"}/${relative(folder, tensorflow)}`;
  const compile = async (...args) => {
    const { code, output } = await run([...compiler, ...FLAGS, "-I", join(napi, "include"), ...args]);
    if (code === 0) return;
    throw new SetupError(
      `the binding could not be compiled:\n  ${tail(output)}`,
      "repair what the compiler names and repeat the command; it must know C++17, as g++ 8, clang 8 and later do",
    );
  };
  await step(`compiling the binding (${compiler[0]})`, () =>
    inPlace(folder, async (temporary) => {
      const include = join(tensorflow, "include");
      await compile(
        ...["-include", autoRef],
        ...[tfjs, include, join(include, "external/local_xla")].flatMap((path) => ["-I", path]),
        ...["tfjs_backend.cc", "tfjs_binding.cc"].map((name) => join(sources, name)),
        ...additions.filter((path) => path.endsWith(".cc")),
        ...LIBRARIES.map((name) => join(tensorflow, name)),
        `-Wl,-rpath,${search}`,
        ...["-o", join(temporary, real)],
      );
      const path = JSON.stringify(join(folder, real));
      await compile(`-DSCORESTREAM_BINDING=${path}`, quiet, ...(isMac ? [] : ["-ldl"]), "-o", addonIn(temporary));
      await seal(temporary);
    }),
  );
}

/** True when tfjs-node would load `addon`. */
export function linked(addon) {
  try {
    return readlinkSync(bindingLink) === addon && existsSync(addon);
  } catch {
    return false;
  }
}

/** Lets tfjs-node load `addon`, in one rename. */
export function link(addon) {
  const next = `${bindingLink}.${process.pid}`;
  mkdirSync(dirname(bindingLink), { recursive: true });
  symlinkSync(addon, next);
  renameSync(next, bindingLink);
}
