import { existsSync, readFileSync, realpathSync, writeFileSync, utimesSync, mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { NPM } from "./fake-tools.ts";
import { makeProject, sendSignal, until } from "./fixture.ts";

const ALL = ["npm ci", "pip download", "unpack", "c++", "c++"];
/** The shortest set-up. */
const WASM = { SCORESTREAM_ENGINE: "wasm" };
const gone = 2 ** 22 + 1; // above the largest process number of Linux

describe("the program", () => {
  test("gets its arguments; its output and exit code come through", async () => {
    const project = makeProject();
    project.write("echo.mjs", "console.log(process.argv.slice(2).join()); process.exitCode = 7;");
    expect(await project.run(["echo.mjs", "--a", "b c"], WASM)).toMatchObject({ code: 7, stdout: "--a,b c\n" });
  });

  test("finds a place for its compiled code, unless the user has named one", async () => {
    const project = makeProject();
    project.write("echo.mjs", "console.log(process.env.NODE_COMPILE_CACHE);");
    const own = join(realpathSync(project.folder), "node_modules/.cache/compiled");
    expect((await project.run(["echo.mjs"], WASM)).stdout).toBe(`${own}\n`);
    const named = { ...WASM, NODE_COMPILE_CACHE: "elsewhere" };
    expect((await project.run(["echo.mjs"], named)).stdout).toBe("elsewhere\n");
  });

  test("keeps to one heap, except where many threads decode images", async () => {
    const project = makeProject();
    mkdirSync(join(project.folder, "src/cli"), { recursive: true });
    const told = async (name: string) => {
      project.write(name, "console.log(process.env.MALLOC_ARENA_MAX, process.execArgv.join());");
      return (await project.run([name], { ...WASM, MALLOC_ARENA_MAX: undefined })).stdout;
    };
    expect(await told("src/cli/main.mjs")).toMatch(/^1 /);
    expect(await told("src/cli/data.mjs")).toBe("undefined \n");
  });

  test("does not get the separator that npm takes away and Deno hands on", async () => {
    const project = makeProject();
    project.write("echo.mjs", "console.log(process.argv.slice(2).join());");
    expect((await project.run(["echo.mjs", "a", "--", "--b", "1"], WASM)).stdout).toBe("a,--b,1\n");
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("gets %s and decides when it ends", async (signal, expected) => {
    const project = makeProject();
    const text = `process.on("${signal}", () => setTimeout(() => { console.log("saved"); process.exit(${expected}); }, 50));
      console.log("started"); setInterval(() => {}, 1000);`;
    project.write("long.mjs", text);
    const { process, outcome } = project.start(["long.mjs"], WASM);
    let out = "";
    process.stdout!.on("data", (chunk) => (out += chunk));
    await until(() => out.includes("started"));
    sendSignal(process, signal);
    expect(await outcome).toMatchObject({ code: expected, stdout: "started\nsaved\n" });
  });

  test("gets SIGTERM when npm, which passes none on, is gone", async () => {
    const project = makeProject();
    project.write(
      "long.mjs",
      `import { writeFileSync } from "node:fs";
      process.on("SIGTERM", () => { writeFileSync("stopped", process.env.SCORESTREAM_LAUNCHER); process.exit(143); });
      writeFileSync("started", String(process.ppid)); setInterval(() => {}, 1000);`,
    );
    const { process: npm } = project.start(["long.mjs"], { ...WASM, npm_lifecycle_event: "pipeline" }, true);
    const path = (name: string) => join(project.folder, name);
    await until(() => existsSync(path("started")));
    npm.kill("SIGKILL");
    await until(() => existsSync(path("stopped")));
    expect(readFileSync(path("stopped"), "utf8")).toBe(readFileSync(path("started"), "utf8"));
  });

  test("goes on when nobody reads what the set-up says", async () => {
    const project = makeProject();
    project.write("echo.mjs", "process.exitCode = 7;");
    const { process, outcome } = project.start(["echo.mjs"], WASM);
    process.stderr!.destroy();
    process.stdout!.destroy();
    expect((await outcome).code).toBe(7);
  });

  test("ended by a signal gives 128 and the signal's number", async () => {
    const project = makeProject();
    project.write("die.mjs", 'process.kill(process.pid, "SIGKILL"); setInterval(() => {}, 1000);');
    expect((await project.run(["die.mjs"], WASM)).code).toBe(137);
  });
});

describe("the lock", () => {
  test("lets one of two set-ups work and the other wait for it", async () => {
    const project = makeProject();
    const outcomes = await Promise.all([project.run(), project.run()]);
    expect(outcomes.map(({ code }) => code)).toEqual([0, 0]);
    expect(project.calls()).toEqual(ALL);
    expect(existsSync(join(project.cache, "setup.lock"))).toBe(false);
  });

  const withLock = (content: object, ageSeconds = 0) => {
    const project = makeProject();
    const lock = join(project.cache, "setup.lock");
    mkdirSync(project.cache);
    writeFileSync(lock, JSON.stringify(content));
    const time = Date.now() / 1000 - ageSeconds;
    utimesSync(lock, time, time);
    return project;
  };

  test.each([
    ["of a process that is gone", { host: hostname(), pid: gone }, 0],
    ["of another machine that has long been silent", { host: "other", pid: 1 }, 90],
    ["that is damaged and old", {}, 90],
  ])("%s is taken over", async (_, content, age) => {
    const project = withLock(content, age);
    const { code, stderr } = await project.run([], WASM);
    expect(code).toBe(0);
    expect(stderr).toContain("an earlier set-up was cut off");
  });

  test.each([
    ["of a living process", { host: hostname(), pid: process.pid }],
    ["whose tool has outlived it", { host: hostname(), pid: gone, child: process.pid }],
    ["of another machine", { host: "other", pid: 1 }],
  ])("%s is waited for", async (_, content) => {
    const project = withLock(content);
    const { process: waiting, outcome } = project.start([]);
    let said = "";
    waiting.stderr!.on("data", (chunk) => (said += chunk));
    await until(() => said.includes("waiting for another set-up"));
    expect(project.calls()).toEqual([]);
    sendSignal(waiting, "SIGTERM");
    expect((await outcome).code).toBe(143);
  });
});

test("a signal during the set-up ends the tool first, then the set-up, and frees the lock", async () => {
  const project = makeProject();
  project.tool(
    "npm",
    `process.on("SIGINT", () => { log("npm stopped"); process.exit(1); }); log("npm ci"); setInterval(() => {}, 1000);`,
  );
  const { process, outcome } = project.start([]);
  await until(() => project.calls().includes("npm ci"));
  sendSignal(process, "SIGINT");
  expect((await outcome).code).toBe(130);
  expect(project.calls()).toEqual(["npm ci", "npm stopped"]);
  expect(existsSync(join(project.cache, "setup.lock"))).toBe(false);
  project.tool("npm", NPM);
  expect((await project.run()).code).toBe(0);
});
