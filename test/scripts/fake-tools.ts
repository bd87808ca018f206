/** Stand-ins for npm, pip and the compiler, and a project so small that a set-up takes no time. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Where the stand-ins for tools write a line for each call. */
export const LOG = "calls.log";

const isDeno = "Deno" in globalThis;
const key = `${process.platform}-${process.arch}`;
const [library, framework] =
  process.platform === "darwin"
    ? ["libtensorflow_cc.2.dylib", "libtensorflow_framework.2.dylib"]
    : ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"];

/** The command that runs a script under this runtime. */
export const runtime = [process.execPath, ...(isDeno ? ["run", "-A"] : [])];

/** Makes a command `name` that runs `body`, a script with `args`, `log(text)` and the folder `root`. */
export function fakeTool(root: string, name: string, body: string): void {
  const script = join(root, "bin", `${name}.mjs`);
  mkdirSync(join(root, "bin"), { recursive: true });
  const prologue = `
    import { spawnSync } from "node:child_process";
    import { appendFileSync, copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
    const root = ${JSON.stringify(root)};
    const args = process.argv.slice(2);
    if (args.at(-1) === "--version") process.exit(0);
    const log = (text) => appendFileSync(root + "/${LOG}", text + "\\n");
  `;
  writeFileSync(script, prologue + body);
  const command = join(root, "bin", name);
  writeFileSync(command, `#!/bin/sh\nexec ${runtime.map((word) => `"${word}"`).join(" ")} "${script}" "$@"\n`);
  chmodSync(command, 0o755);
}

/** `npm ci` that installs what the engine step reads. */
export const NPM = `
  log("npm ci");
  rmSync("node_modules", { recursive: true, force: true });
  mkdirSync("node_modules/@tensorflow/tfjs-node-gpu/binding", { recursive: true });
  mkdirSync("node_modules/node-api-headers");
  writeFileSync("node_modules/@tensorflow/tfjs-node-gpu/binding/tfjs_binding.cc", "source");
  writeFileSync("node_modules/node-api-headers/package.json", "{}");
`;

/** A compiler that writes its output file. */
export const COMPILER = `
  log("c++");
  writeFileSync(args[args.indexOf("-o") + 1], "addon");
`;

const realPython = () =>
  execFileSync("python3", ["-c", "import sys; print(sys.executable)"], { encoding: "utf8" }).trim();

/** Python whose pip brings `wheel`, whatever it is asked for. */
export const pythonWith = (wheel: string) => `
  if (args[1] === "pip") {
    log("pip download");
    copyFileSync(${JSON.stringify(wheel)}, args[args.indexOf("-d") + 1] + "/tensorflow.whl");
  } else {
    log("unpack");
    process.exit(spawnSync(${JSON.stringify(realPython())}, args, { stdio: "inherit" }).status);
  }
`;

/** Writes a wheel with two libraries and three headers, one of them not needed; returns its SHA-256. */
export function writeWheel(path: string): string {
  const files = {
    [`tensorflow/${library}`]: "library",
    [`tensorflow/${framework}`]: "framework",
    "tensorflow/include/tensorflow/c/c_api.h": '#include "xla/needed.h"\n#include <stdio.h>\n',
    "tensorflow/include/external/local_xla/xla/needed.h": "",
    "tensorflow/include/tensorflow/unneeded.h": "",
    "tensorflow/python/module.py": "",
  };
  const program =
    "import json,sys,zipfile\nwith zipfile.ZipFile(sys.argv[1],'w') as z:\n for f in json.loads(sys.argv[2]).items(): z.writestr(*f)";
  execFileSync("python3", ["-c", program, path, JSON.stringify(files)]);
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** A list of wheels that asks for one wheel with this hash. */
export const wheelsModule = (sha256: string) => `
  export const TENSORFLOW = "1.2.3";
  const build = { name: "CPU build", platforms: ["any"], python: "311", download: 1e3, disk: 1e3,
    wheels: [{ name: "tensorflow", version: "1.2.3", sha256: "${sha256}" }] };
  const links = { "tensorflow/linked.so": "${library}" };
  export const builds = { "${key}-cpu": build, "${key}-cuda": { ...build, links } };
`;
