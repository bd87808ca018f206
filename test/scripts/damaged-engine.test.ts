import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeProject, type Project } from "./fixture.ts";

const ALL = ["npm ci", "pip download", "unpack", "c++", "c++"];
const only = (folder: string) => join(folder, readdirSync(folder)[0]!);

function libraryOf(project: Project): string {
  const libraries = join(only(join(project.cache, "tensorflow")), "tensorflow");
  return join(
    libraries,
    readdirSync(libraries).find((name) => name.includes("_cc"))!,
  );
}

/** Sets a project up whose program dies of a signal. */
async function withProgram(signal: string): Promise<Project> {
  const project = makeProject();
  project.write("die.mjs", `process.kill(process.pid, "${signal}"); setTimeout(() => {}, 60_000);`);
  expect((await project.run()).code).toBe(0);
  return project;
}

test("npm run setup makes a library anew that has its size and other bytes", async () => {
  const project = await withProgram("SIGSEGV");
  const library = libraryOf(project);
  writeFileSync(library, "Library");
  const { code, stderr } = await project.run();
  expect(code).toBe(0);
  expect(stderr).toContain(`${library} is damaged: the engine is made anew`);
  expect(readFileSync(library, "utf8")).toBe("library");
  expect(project.calls()).toEqual([...ALL, "pip download", "unpack"]);
});

test("npm run setup compiles a damaged binding anew, and it alone", async () => {
  const project = await withProgram("SIGSEGV");
  const addon = join(only(join(project.cache, "bindings")), "tfjs_binding.node");
  writeFileSync(addon, "xxxxx");
  await project.run();
  expect(readFileSync(addon, "utf8")).toBe("addon");
  expect(project.calls()).toEqual([...ALL, "c++", "c++"]);
});

describe.each(["SIGSEGV", "SIGBUS", "SIGILL"])("after a death by %s", (signal) => {
  test("the next command repairs a damaged library, which sizes do not show", async () => {
    const project = await withProgram(signal);
    writeFileSync(libraryOf(project), "Library");
    const died = await project.run(["die.mjs"]);
    expect(died.stderr).toContain(`the program was ended by ${signal}: a fault in native code, or a damaged file`);
    expect(died.stderr).toContain("remedy: repeat the command");
    project.write("fine.mjs", "");
    const { code, stderr } = await project.run(["fine.mjs"]);
    expect(code).toBe(0);
    expect(stderr).toContain("is damaged: the engine is made anew");
    expect(readFileSync(libraryOf(project), "utf8")).toBe("library");
  });

  test("whole files are read once and said to be whole", async () => {
    const project = await withProgram(signal);
    await project.run(["die.mjs"]);
    project.write("fine.mjs", "");
    expect((await project.run(["fine.mjs"])).stderr).toContain("the engine's files are whole");
    expect((await project.run(["fine.mjs"])).stderr).toBe("");
    expect(project.calls()).toEqual(ALL);
  });
});

test("an end by the dynamic loader, which says nothing, is a fault too", async () => {
  const project = await withProgram("SIGSEGV");
  writeFileSync(libraryOf(project), "Library");
  project.write("unloadable.mjs", "process.exit(127);");
  const { code, stderr } = await project.run(["unloadable.mjs"]);
  expect([code, stderr]).toEqual([127, expect.stringContaining("the program ended with 127: a fault in native code")]);
  project.write("fine.mjs", "");
  expect((await project.run(["fine.mjs"])).stderr).toContain("is damaged: the engine is made anew");
});

test("a program that the system kills is said to have lacked memory", async () => {
  const project = await withProgram("SIGKILL");
  const { code, stderr } = await project.run(["die.mjs"]);
  expect(code).toBe(137);
  expect(stderr).toContain("for want of memory");
  expect(stderr).toContain("remedy: lower training.batchSize");
});

test("files of an older set-up, which have no hash, are made anew once in doubt", async () => {
  const project = await withProgram("SIGBUS");
  const manifest = join(only(join(project.cache, "tensorflow")), "files.json");
  const files = JSON.parse(readFileSync(manifest, "utf8")) as Record<string, { size: number }>;
  const sizes = Object.fromEntries(Object.entries(files).map(([name, { size }]) => [name, size]));
  writeFileSync(manifest, JSON.stringify(sizes));
  expect((await project.run()).code).toBe(0);
  expect(project.calls()).toEqual(ALL);
  await project.run(["die.mjs"]);
  await project.run();
  expect(project.calls()).toEqual([...ALL, "pip download", "unpack"]);
});
