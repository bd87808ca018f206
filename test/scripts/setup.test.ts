import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { COMPILER, NPM } from "./fake-tools.ts";
import { makeProject, type Project } from "./fixture.ts";

const ALL = ["npm ci", "pip download", "unpack", "c++", "c++"];
const link = (project: Project) =>
  join(project.folder, "node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.node");
const only = (folder: string) => join(folder, readdirSync(folder)[0]!);

test("sets everything up once, and nothing the second time", async () => {
  const project = makeProject();
  expect(await project.run()).toMatchObject({ code: 0, stdout: "" });
  expect(project.calls()).toEqual(ALL);
  expect(readFileSync(link(project), "utf8")).toBe("addon");
  expect(readlinkSync(link(project))).toContain(project.cache);

  const second = await project.run();
  expect(second).toMatchObject({ code: 0, stderr: "set-up: ready, engine: cpu\n" });
  expect(project.calls()).toEqual(ALL);
});

test("keeps of a wheel its libraries and the headers that are included, and deletes the wheel", async () => {
  const project = makeProject();
  await project.run();
  const files = Object.keys(
    JSON.parse(readFileSync(join(only(join(project.cache, "tensorflow")), "files.json"), "utf8")) as object,
  );
  expect(files).toHaveLength(4);
  expect(files.filter((name) => name.endsWith(".h"))).toEqual([
    "tensorflow/include/external/local_xla/xla/needed.h",
    "tensorflow/include/tensorflow/c/c_api.h",
  ]);
  expect(readdirSync(join(project.cache, "downloads"))).toEqual([]);
});

test("links libraries of the CUDA build to where TensorFlow looks for them", async () => {
  const project = makeProject();
  expect((await project.run([], { SCORESTREAM_ENGINE: "cuda" })).code).toBe(0);
  const folder = only(join(project.cache, "tensorflow"));
  expect(readFileSync(join(folder, "tensorflow/linked.so"), "utf8")).toBe("library");
  rmSync(join(folder, "tensorflow/linked.so"));
  await project.run([], { SCORESTREAM_ENGINE: "cuda" });
  expect(existsSync(join(folder, "tensorflow/linked.so"))).toBe(true);
});

test("installs the packages again when the lock file changes, and compiles when the sources do", async () => {
  const project = makeProject();
  await project.run();
  project.write("package-lock.json", '{ "packages": { "": {} } }');
  await project.run();
  expect(project.calls()).toEqual([...ALL, "npm ci"]);
  project.write("node_modules/@tensorflow/tfjs-node-gpu/binding/tfjs_binding.cc", "other");
  await project.run();
  expect(project.calls()).toEqual([...ALL, "npm ci", "c++", "c++"]);
});

test("leaves packages alone that were installed by hand from this lock file", async () => {
  const project = makeProject();
  await project.run();
  const installed = { packages: { "node_modules/a": { version: "1.0.0", integrity: "x" } } };
  project.write("node_modules/.package-lock.json", JSON.stringify(installed));
  rmSync(join(project.folder, "node_modules/.scorestream-installed"));
  await project.run();
  expect(project.calls()).toEqual(ALL);

  installed.packages["node_modules/a"].version = "1.0.1";
  project.write("node_modules/.package-lock.json", JSON.stringify(installed));
  rmSync(join(project.folder, "node_modules/.scorestream-installed"));
  await project.run();
  expect(project.calls()).toEqual([...ALL, "npm ci"]);
});

test("repeats an npm ci that failed half way, and shows what npm said", async () => {
  const project = makeProject();
  project.tool("npm", `${NPM} console.error("npm error no network"); process.exit(1);`);
  const failed = await project.run();
  expect(failed.code).toBe(1);
  expect(failed.stderr).toContain("npm error no network");
  project.tool("npm", NPM);
  expect((await project.run()).code).toBe(0);
  expect(project.calls()).toEqual(["npm ci", ...ALL]);
});

test("goes on after a set-up that was killed while compiling", async () => {
  const project = makeProject();
  project.tool("c++", `log("killed"); process.kill(process.ppid, "SIGKILL");`);
  expect((await project.run()).code).toBeNull();
  expect(existsSync(link(project))).toBe(false);
  project.tool("c++", COMPILER);
  expect((await project.run()).code).toBe(0);
  expect(project.calls()).toEqual(["npm ci", "pip download", "unpack", "killed", "c++", "c++"]);
  expect(readdirSync(join(project.cache, "bindings"))).toHaveLength(1);
});

test("uses a wheel again whose unpacking was cut off", async () => {
  const project = makeProject();
  const python = join(project.root, "bin/python3.mjs");
  const text = readFileSync(python, "utf8");
  writeFileSync(python, text.replace('log("unpack");', 'log("killed"); process.kill(process.ppid, "SIGKILL");'));
  await project.run();
  writeFileSync(python, text);
  expect((await project.run()).code).toBe(0);
  expect(project.calls()).toEqual(["npm ci", "pip download", "killed", "unpack", "c++", "c++"]);
});

test("repairs a cache in which a library is cut short, or the addon gone", async () => {
  const project = makeProject();
  await project.run();
  const libraries = join(only(join(project.cache, "tensorflow")), "tensorflow");
  const library = readdirSync(libraries).find((name) => name.includes("_cc"))!;
  writeFileSync(join(libraries, library), "lib");
  await project.run();
  expect(readFileSync(join(libraries, library), "utf8")).toBe("library");
  rmSync(join(project.cache, "bindings"), { recursive: true });
  await project.run();
  expect(project.calls()).toEqual([...ALL, "pip download", "unpack", "c++", "c++"]);
});

test("refuses a wheel with a wrong hash, and downloads it again the next time", async () => {
  const project = makeProject();
  const good = readFileSync(join(project.root, "good.whl"));
  writeFileSync(join(project.root, "good.whl"), "not the wheel");
  const refused = await project.run();
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("tensorflow.whl has a wrong hash and was refused");
  expect(project.calls()).not.toContain("unpack");
  writeFileSync(join(project.root, "good.whl"), good);
  expect((await project.run()).code).toBe(0);
});

test("removes what a killed set-up left half made", async () => {
  const project = makeProject();
  mkdirSync(join(project.cache, "tensorflow/.unfinished-x"), { recursive: true });
  await project.run();
  expect(readdirSync(join(project.cache, "tensorflow"))).toHaveLength(1);
});
