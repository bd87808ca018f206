import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeProject } from "./fixture.ts";

const SHOW = 'console.log(process.env.SCORESTREAM_ENGINE ?? "native", process.env.SCORESTREAM_SETUP);';

test("names every missing tool and how to get it, and falls back to WebAssembly loudly", async () => {
  const project = makeProject();
  project.removeTool("python3");
  project.removeTool("c++");
  project.write("show.mjs", SHOW);
  const { code, stdout, stderr } = await project.run(["show.mjs"], { SCORESTREAM_ENGINE: "auto" });
  expect(code).toBe(0);
  expect(stderr).toContain("NO NATIVE TENSORFLOW: this computes with WebAssembly, about 10 to 50 times slower");
  expect(stderr).toContain("Python 3 is missing; a C++ compiler is missing");
  for (const remedy of ["sudo apt install python3 python3-pip", "sudo dnf install gcc-c++", "xcode-select --install"]) {
    expect(stderr).toContain(remedy);
  }
  expect(stdout).toMatch(/^wasm .*"engine":"wasm"/);
});

test("does not fall back from an engine that was asked for", async () => {
  const project = makeProject();
  project.removeTool("c++");
  project.write("show.mjs", SHOW);
  const { code, stdout, stderr } = await project.run(["show.mjs"]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toContain("a C++ compiler is missing");
});

test("says that pip is missing where Python is there without it", async () => {
  const project = makeProject();
  const python = join(project.root, "bin/python3");
  writeFileSync(python, `#!/bin/sh\n[ "$1" = --version ]\n`);
  const { code, stderr } = await project.run();
  expect(code).toBe(1);
  expect(stderr).toContain("python3 has no pip");
});

test("names a missing npm", async () => {
  const project = makeProject();
  project.removeTool("npm");
  const { code, stderr } = await project.run();
  expect(code).toBe(1);
  expect(stderr).toContain("npm is missing");
});

test("shows what pip and the compiler said when they fail", async () => {
  const project = makeProject();
  project.tool("c++", 'console.error("binding.cc:1: error: no such type"); process.exit(1);');
  expect((await project.run()).stderr).toContain("binding.cc:1: error: no such type");
  const other = makeProject();
  other.tool("python3", 'console.error("ERROR: no route to host"); process.exit(1);');
  expect((await other.run()).stderr).toContain("ERROR: no route to host");
});

test("says how much disk space is missing, before it downloads", async () => {
  const project = makeProject();
  const wheels = `const build = { name: "", platforms: [], python: "311", wheels: [], download: 1, disk: 1e18 };
    export const TENSORFLOW = "1";
    export const builds = { "${process.platform}-${process.arch}-cpu": build };`;
  project.write("scripts/setup/wheels.mjs", wheels);
  const { code, stderr } = await project.run();
  expect(code).toBe(1);
  expect(stderr).toMatch(/cache has \d+ MB free, setting TensorFlow up takes 1000000000000 MB/);
  expect(project.calls()).toEqual(["npm ci"]);
});

test("refuses an unknown engine or program as bad usage", async () => {
  const project = makeProject();
  const unknown = await project.run([], { SCORESTREAM_ENGINE: "fast" });
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain("set one of auto, cpu, cuda, prebuilt, wasm");
  expect((await project.run(["absent.mjs"])).code).toBe(2);
});

test("with SCORESTREAM_ENGINE=wasm downloads no TensorFlow", async () => {
  const project = makeProject();
  const { code, stderr } = await project.run([], { SCORESTREAM_ENGINE: "wasm" });
  expect(code).toBe(0);
  expect(stderr).toContain("SCORESTREAM_ENGINE=wasm asks for it");
  expect(project.calls()).toEqual(["npm ci"]);
  expect(existsSync(join(project.cache, "tensorflow"))).toBe(false);
});

test("compiles below a folder with an odd name, where the linker then finds the libraries", async () => {
  const project = makeProject();
  // As the linker does: options are cut at commas, a search path at colons.
  project.tool(
    "c++",
    `log("c++");
    const out = args[args.indexOf("-o") + 1];
    const folder = out.slice(0, out.lastIndexOf("/"));
    const options = args.filter((word) => word.startsWith("-Wl,")).map((word) => word.slice(4).split(","));
    const missing = options.flatMap(([, path]) => path.split(":")).filter((path) => !existsSync(path.replace(/^[$]ORIGIN|^@loader_path/, folder)));
    if (options.some((words) => words.length !== 2) || missing.length > 0) { console.error("cannot find", missing); process.exit(1); }
    writeFileSync(out, "addon");`,
  );
  const cache = join(project.root, `Last, "First" of: 100 % #1 é's`);
  const { code, stderr } = await project.run([], { SCORESTREAM_CACHE: cache });
  expect({ code, stderr: stderr.includes("cannot find") }).toEqual({ code: 0, stderr: false });
  expect(project.calls()).toContain("c++");
});

describe("without a home folder", () => {
  test.each([
    ["an empty HOME", { HOME: "" }, "HOME is unset and this user has no home folder"],
    ["a HOME that cannot be written", { HOME: "/dev/null" }, "make it writable, or put the cache elsewhere"],
  ])("%s: names the variable to set, which helps", async (_, home, message) => {
    const project = makeProject();
    const env = { SCORESTREAM_CACHE: "", SCORESTREAM_ENGINE: "wasm", ...home };
    const { code, stderr } = await project.run([], env);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/\n +at /);
    expect(stderr).toMatch(/remedy: .*SCORESTREAM_CACHE/);
    expect((await project.run([], { ...env, SCORESTREAM_CACHE: project.cache })).code).toBe(0);
    expect((await project.run([], { ...env, XDG_CACHE_HOME: project.cache })).code).toBe(0);
  });
});
