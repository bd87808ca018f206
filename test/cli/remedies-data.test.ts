/** Walks through what messages of `npm run data` propose: the command is refused, and works with what is proposed. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { dataMain } from "../../src/cli/data.ts";
import { pipelineMain } from "../../src/cli/main.ts";
import { fixture } from "../data/sources/fixture.ts";
import { temporaryFolder } from "./fixture.ts";

/** Words of a command as the shell takes them. */
const words = (command: string) =>
  execFileSync("sh", ["-c", `printf '%s\\n' ${command}`], { encoding: "utf8" }).trimEnd().split("\n"); // prettier-ignore

type Main = (argv: readonly string[], to: object) => Promise<number>;

async function run(main: Main, argv: readonly string[]) {
  let said = "";
  const write = (text: string | Uint8Array) => ((said += String(text)), true);
  const exitCode = await main(argv, { stdout: { write }, stderr: { write } });
  return { exitCode, said };
}

const prepare = (argv: readonly string[]) => run(dataMain, ["prepare", ...argv]);
const copied = (folder: string, name: string, as = name.split("/").at(-1)!) =>
  copyFileSync(fixture(name), join(folder, as));

interface Walk {
  readonly name: string;
  readonly format: string;
  /** Puts the data there. @returns What `--from` names, with further options. */
  readonly arrange: (folder: string) => string[];
  /** The first group is given beside the options that were refused. */
  readonly message: RegExp;
}

const table = (name: string) => [fixture(`tables/${name}`)];

const walks: readonly Walk[] = [
  {
    name: "a split that is not there",
    format: "parquet",
    arrange: (folder) => (copied(folder, "train-00000-of-00001.parquet"), [folder, "--split", "test"]),
    message: /no split test; found: train\n +remedy: use (--split train),/,
  },
  {
    name: "a label that is no integer",
    format: "webdataset",
    arrange: (folder) => {
      mkdirSync(join(folder, "0"));
      copied(join(folder, "0"), "colour.png", "a.png");
      writeFileSync(join(folder, "0", "a.cls"), "cat");
      execFileSync("tar", ["-C", join(folder, "0"), "-cf", join(folder, "a.tar"), "a.png", "a.cls"]);
      return [join(folder, "a.tar")];
    },
    message: /the label "cat" is not an integer\n +remedy: leave labels out with (--label-column none),/,
  },
  {
    name: "pixels of floats",
    format: "arrow",
    arrange: () => table("floats.arrow"),
    message: /black and white are not known\n +remedy: name .* such as (--range 0,1),/,
  },
  {
    name: "masks of floats",
    format: "parquet",
    arrange: () => table("masks.parquet"),
    message: /black and white are not known\n +remedy: name .* such as (--range 0,1),/,
  },
  {
    name: "tensors in planes",
    format: "arrow",
    arrange: () => table("chw-names.arrow"),
    message: /shape \[3, 4, 6\]\n +remedy: use (--layout chw) for/,
  },
  {
    name: "an image that is no image",
    format: "folder",
    arrange: (folder) => {
      copied(folder, "colour.png");
      writeFileSync(join(folder, "bad.png"), "no image");
      return [folder];
    },
    message: /bad\.png: .*\n +remedy: .*skip what is bad with (--skip-bad)/,
  },
];

it.each(walks)("$name", { timeout: 30_000 }, async ({ format, arrange, message }) => {
  const folder = join(temporaryFolder(), `a b, "c" %d #1 é's`);
  mkdirSync(folder);
  const argv = ["--format", format, "--out", join(temporaryFolder(), "out"), "--from", ...arrange(folder)];
  const refused = await prepare(argv);
  expect(refused.exitCode).toBe(2);
  expect(refused.said).toMatch(message);
  const proposed = words(message.exec(refused.said)![1]!);
  // What is proposed takes the place of what was refused.
  const rest = proposed[0] === "--split" ? argv.filter((word) => word !== "--split" && word !== "test") : argv;
  expect(await prepare([...rest, ...proposed])).toMatchObject({ exitCode: 0 });
});

it("bytes whose shape is not said in the file are read by the shape that is asked for", async () => {
  const argv = ["--format", "arrow", "--from", ...table("fixed-bare.arrow"), "--out", join(temporaryFolder(), "out")];
  const refused = await prepare(argv);
  expect(refused).toMatchObject({ exitCode: 2 });
  expect(refused.said).toMatch(
    /FixedSizeBinary\[72\].*\n +remedy: give the shape .*: height, width and channels, such as --shape/,
  );
  expect(await prepare([...argv, "--shape", "4,6,3"])).toMatchObject({ exitCode: 0 });
});

it("images whose shapes differ are made of one size", async () => {
  const folder = temporaryFolder();
  for (const name of ["colour.png", "smooth.png"]) copied(folder, name);
  const argv = ["--format", "folder", "--from", folder, "--out", join(temporaryFolder(), "out")];
  const refused = await prepare(argv);
  expect(refused).toMatchObject({ exitCode: 2 });
  expect(refused.said).toMatch(/wrong size: .*; --size makes all images of one size/);
  expect(await prepare([...argv, "--size", "8"])).toMatchObject({ exitCode: 0 });
});

it("bytes of fixed size get the shape that is proposed", async () => {
  const folder = temporaryFolder();
  const path = join(folder, "flat.npy");
  const head = "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 192), }\n";
  const length = Buffer.alloc(2);
  length.writeUInt16LE(head.length);
  writeFileSync(path, Buffer.concat([Buffer.from("\x93NUMPY\x01\0", "latin1"), length, Buffer.from(head), Buffer.alloc(576)])); // prettier-ignore
  const argv = ["--format", "arrays", "--from", path, "--out", join(temporaryFolder(), "out")];
  const refused = await prepare(argv);
  const proposed = /\[3, 192\] is not a shape of images.*\n +remedy: .* such as (--shape 8,8,3)/.exec(
    refused.said,
  )![1]!;
  expect(await prepare([...argv, ...words(proposed)])).toMatchObject({ exitCode: 0 });
});

it(
  "raw data are prepared by the command that a run proposes, in folders of any name",
  { timeout: 30_000 },
  async () => {
    const folder = join(temporaryFolder(), "a b's #1");
    mkdirSync(join(folder, "data"), { recursive: true });
    copied(join(folder, "data"), "train-00000-of-00001.parquet");
    const argv = ["images", "--steps", "1", "--set", `data.path=${folder}`, "--workdir", join(folder, "run")];
    const refused = await run(pipelineMain, argv);
    expect(refused.exitCode).toBe(2);
    const command = /remedy: npm run data -- prepare (--format parquet .*), then use --set data\.path=/.exec(refused.said)![1]!; // prettier-ignore
    const proposed = words(command).map((word) => (word.startsWith("data/") ? join(folder, word) : word));
    expect(await prepare(proposed)).toMatchObject({ exitCode: 0 });
  },
);

it("a folder with test images only names the folder to train on, which opens", async () => {
  const out = join(temporaryFolder(), "out");
  const from = ["--format", "arrays", "--from", fixture("stored.npz"), "--out", out];
  expect(await prepare([...from, "--split", "test"])).toMatchObject({ exitCode: 0 });
  const argv = ["images", "--steps", "1", "--set", `data.path=${out}`, "--workdir", join(out, "run")];
  const refused = await run(pipelineMain, argv);
  expect(refused.said).toMatch(/no training images were prepared, only test\n +remedy: prepare --split train/);
  const proposed = /use --set (data\.path=\S+) to train on those/.exec(refused.said)![1]!;
  const again = await run(pipelineMain, argv.map((word) => (word.startsWith("data.path") ? proposed : word))); // prettier-ignore
  expect(again.said).not.toMatch(/no training images/);
});
