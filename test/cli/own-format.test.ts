/** A data format of one's own, as in examples/own-format.ts, through the command line. */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type Format, formats, registerFormat } from "scorestream/data";
import { dataMain } from "../../src/cli/data.ts";
import { openShards } from "../../src/data/prepare/open-shards.ts";
import { temporaryFolder } from "./fixture.ts";

const FORMAT = "./examples/own-format.ts";

async function data(...words: string[]) {
  let [stdout, stderr] = ["", ""];
  const exitCode = await dataMain(words, {
    stdout: { write: (text: string | Uint8Array) => ((stdout += String(text)), true) },
    stderr: { write: (text: string | Uint8Array) => ((stderr += String(text)), true) },
    env: {},
    signals: { on() {}, off() {} },
  } as unknown as Parameters<typeof dataMain>[1]);
  return { exitCode, stdout, stderr };
}

/** Three 2 x 2 images, the second of them bad. */
function table(): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "train.csv"), "label,p0,p1,p2,p3\n7,0,1,2,3\n1,0,1,2,300\n3,4,5,6,255\n");
  return folder;
}

describe("a format of one's own", () => {
  // All test files share one process, and so one list of formats.
  afterAll(
    () =>
      void (formats as Format[]).splice(
        formats.findIndex(({ name }) => name === "table"),
        1,
      ),
  );

  it("is prepared from its file alone", async () => {
    const out = temporaryFolder();
    const { exitCode, stderr } = await data(
      "prepare",
      "--format",
      FORMAT,
      "--from",
      table(),
      "--out",
      out,
      "--skip-bad",
    );
    expect([exitCode, stderr]).toEqual([0, expect.stringContaining("train: 2 images")]);
    const shards = await openShards(join(out, "train"));
    expect([shards.manifest.work.format, shards.shape]).toEqual(["table", [2, 2, 1]]);
    expect(Array.from(shards.gather([1]))).toEqual([4, 5, 6, 255]);
    expect(Array.from(shards.labels([0, 1]))).toEqual([7, 3]);
    shards.close();
  });

  it("is named by its file in the remedy for a damaged shard, which works where the name is not known", async () => {
    const out = temporaryFolder();
    await data("prepare", "--format", FORMAT, "--from", table(), "--out", out, "--skip-bad");
    const shard = join(out, "train", "shard-00000.arrow");
    const whole = readFileSync(shard);
    writeFileSync(shard, whole.subarray(0, 100));
    const { exitCode, stderr } = await data("verify", out);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(`--format ${resolve(FORMAT)} --from`)]);
    const words = /npm run data -- (prepare .*) ;/.exec(stderr)![1]!.split(" ");
    expect((await data(...words)).exitCode).toBe(0);
    expect(readFileSync(shard).equals(whole)).toBe(true);
  });

  it("names what is bad, and options are as for any other", async () => {
    const words = ["prepare", `--format=${FORMAT}`, "--from", table(), "--out", temporaryFolder()];
    const bad = await data(...words);
    expect([bad.exitCode, bad.stderr]).toEqual([2, expect.stringContaining("line 3: a pixel is no number")]);
    const out = temporaryFolder();
    expect((await data(...words.slice(0, -1), out, "--skip-bad", "--channels", "3")).exitCode).toBe(0);
    const shards = await openShards(join(out, "train"));
    expect(shards.shape).toEqual([2, 2, 3]);
    shards.close();
  });

  it.each([
    ["./none.ts", "./none.ts: there is no such file"],
    ["./examples/../src/sde/vp.ts", "exports no format"],
  ])("--format %s is refused: %s", async (file, message) => {
    const { exitCode, stderr } = await data("prepare", "--format", file, "--from", table(), "--out", temporaryFolder());
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  it("needs a name that is free", () => {
    const open = () => Promise.reject(new Error("not opened"));
    expect(() => registerFormat({ name: "arrow", summary: "", open })).toThrow('there is a format "arrow" already');
    expect(() => registerFormat({ name: "my format", summary: "", open })).toThrow('"my format" is no name');
  });
});
