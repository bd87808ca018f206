import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dataMain } from "../../src/cli/data.ts";
import type { StopSignal } from "../../src/cli/signals.ts";
import { prepare } from "../../src/data/prepare/prepare.ts";
import { made } from "../data/prepare/fixture.ts";
import { temporaryFolder } from "./fixture.ts";

/** A command that runs, what it has written so far, and a way to send it a signal. */
function start(...words: string[]) {
  const written = { stdout: "", stderr: "" };
  const listeners = new Map<StopSignal, () => void>();
  const to = (name: "stdout" | "stderr") => ({
    write: (text: string | Uint8Array) => ((written[name] += String(text)), true),
  });
  const exitCode = dataMain(words, {
    stdout: to("stdout"),
    stderr: to("stderr"),
    env: {},
    signals: {
      on: (name: StopSignal, listener: () => void) => void listeners.set(name, listener),
      off: (name: StopSignal) => void listeners.delete(name),
    },
  } as Parameters<typeof dataMain>[1]);
  return { written, exitCode, signal: (name: StopSignal) => listeners.get(name)!() };
}

async function run(...words: string[]) {
  const { written, exitCode } = start(...words);
  return { exitCode: await exitCode, ...written };
}

/** Two splits of 5 and 3 images. */
async function dataSet(): Promise<string> {
  const folder = join(temporaryFolder(), "photos");
  for (const [split, length] of [
    ["train", 5],
    ["test", 3],
  ] as const) {
    await prepare({ ...made({ length }), split }, { directory: join(folder, split), shardBytes: 120 });
  }
  return folder;
}

/** `serve`, once it listens. */
async function serving(...words: string[]) {
  const server = start("serve", ...words, "--listen", "127.0.0.1:0");
  while (!server.written.stdout.includes("\n")) await new Promise((resolve) => setTimeout(resolve, 5));
  return { ...server, from: /listening on (\S+),/.exec(server.written.stdout)![1]! };
}

describe("npm run data -- serve, pull", () => {
  it("gives all splits until a signal; they are copied once, and are what inspect and verify take", async () => {
    const [folder, out] = [await dataSet(), temporaryFolder()];
    const server = await serving(folder);
    expect(server.written.stdout).toMatch(/giving photos\/test \(3 images\), photos\/train \(5 images\)\n$/);
    const first = await run("pull", "--from", server.from, "--out", out, "--json");
    expect(first).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(first.stdout)).toMatchObject({
      command: "pull",
      sets: [
        { path: ["photos", "test"], directory: join(out, "test"), images: 3, kept: 0 },
        { path: ["photos", "train"], directory: join(out, "train"), images: 5, kept: 0 },
      ],
    });
    expect(first.stderr).toMatch(/copying photos\/train \.\.\.\n/);
    expect(first.stderr).toMatch(/photos\/train: 5 images, \d\S* \w+, in /);
    expect((await run("verify", out)).exitCode).toBe(0);
    for (const file of readdirSync(join(out, "train"))) {
      expect(readFileSync(join(out, "train", file))).toEqual(readFileSync(join(folder, "train", file)));
    }
    const again = await run("pull", "--from", server.from, "--out", out, "--split", "train");
    expect(again.stderr).toMatch(/photos\/train: 5 images, copied before, in /);
    expect(again.stderr).not.toMatch(/test/);
    server.signal("SIGTERM");
    expect(await server.exitCode).toBe(143);
  });

  it("gives one split, or several data sets to choose from", async () => {
    const [folder, other, out] = [await dataSet(), join(await dataSet(), "test"), temporaryFolder()];
    writeFileSync(join(temporaryFolder(), "unrelated"), "");
    const one = await serving(join(folder, "train"));
    expect(one.written.stdout).toMatch(/giving photos\/train \(5 images\)\n/);
    expect((await run("pull", "--from", one.from, "--out", out, "--split", "test")).stderr).toMatch(
      /it has photos\/train, but no split test\n +remedy: choose with --split/,
    );
    one.signal("SIGINT");
    expect(await one.exitCode).toBe(130);
    const twice = await run("serve", folder, other, "--listen", "127.0.0.1:0");
    expect(twice).toMatchObject({ exitCode: 2 });
    expect(twice.stderr).toMatch(/photos\/test appears twice/);
    const second = join(temporaryFolder(), "others", "train");
    mkdirSync(join(second, ".."));
    await prepare(made({ length: 2 }), { directory: second });
    const both = await serving(folder, second);
    const unclear = await run("pull", "--from", both.from, "--out", out);
    expect(unclear).toMatchObject({ exitCode: 2 });
    expect(unclear.stderr).toMatch(/it has photos\/test, photos\/train, others\/train\n +remedy: choose .* --name/);
    expect((await run("pull", "--from", both.from, "--out", out, "--name", "others")).exitCode).toBe(0);
    expect(readdirSync(out).sort()).toEqual(["README.md", "train"]);
    both.signal("SIGTERM");
    await both.exitCode;
  });

  it.each<[string[], number, RegExp]>([
    [["pull"], 2, /pull needs --from\n +remedy: for example/],
    [["pull", "--from", "127.0.0.1:1"], 2, /pull needs --out/],
    [["pull", "--from", "somewhere", "--out", "x"], 2, /--from somewhere: expected HOST:PORT/],
    [
      ["pull", "--from", "example.org:1", "--out", "x"],
      2,
      /--from example\.org:1 is on another machine, which needs a token/,
    ],
    [["pull", "--from", "127.0.0.1:1", "--out", "x"], 1, /error: 127\.0\.0\.1:1: UNAVAILABLE/],
    [["serve"], 2, /missing required argument/],
    [["serve", "x"], 2, /no manifest\.json in it/],
    [["serve", "x", "--bogus"], 2, /unknown option '--bogus'/],
  ])("explains wrong usage: %j", async (words, code, message) => {
    const folder = join(temporaryFolder(), "x");
    const { exitCode, stderr } = await run(...words.map((word) => (word === "x" ? folder : word)));
    expect(stderr).toMatch(message);
    expect(exitCode).toBe(code);
  });

  it("listens for other machines only with a certificate and a token", async () => {
    const { exitCode, stderr } = await run("serve", await dataSet(), "--listen", "0.0.0.0:0");
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/can be reached from other machines and needs a certificate and a token/);
  });
});
