/** The folders whose files are damaged: of finished runs, and of prepared data. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { MAIN, type Program } from "../program.ts";
import { finished, gaussianRun, imagesRun, preparedData } from "../runs.ts";

/** A folder whose files are damaged, and the command that reads them. */
export interface Subject {
  readonly name: string;
  /** Paths within the folder. */
  readonly files: readonly string[];
  /** Puts whole files into a new folder. */
  readonly before: (folder: string) => Promise<void>;
  readonly command: (folder: string) => Program;
}

const copy = (from: string, to: string) => cpSync(from, to, { recursive: true });
const overData = (folder: string): Program => ({
  file: MAIN,
  argv: [...imagesRun(join(folder, "data")), "--steps", "3", "--workdir", join(folder, "run")],
});

export const subjects: readonly Subject[] = [
  {
    name: "workdir",
    files: [
      ...["config.json", "metrics.jsonl", "log.txt", ".lock", "eval/bpd.jsonl", "eval/bound.jsonl", "eval/loss.jsonl"],
      ...["checkpoints/checkpoint_20.arrow", "checkpoints/checkpoint_15.arrow", "samples/samples_20.arrow"],
    ],
    before: async (folder) => copy(await finished("gaussian"), folder),
    command: (folder) => ({ file: MAIN, argv: [...gaussianRun, "--workdir", folder] }),
  },
  {
    name: "workdir of images",
    files: ["checkpoints/checkpoint_3.arrow", "samples/about.json", "samples/samples_3.png", "eval/report.json"].map(
      (file) => `run/${file}`,
    ),
    before: async (folder) => {
      copy(await finished("images"), join(folder, "run"));
      copy(await preparedData(), join(folder, "data"));
    },
    command: overData,
  },
  {
    name: "shards",
    files: ["train/manifest.json", "train/shard-00000.arrow", "train/shard-00002.arrow", "train/shards.jsonl", "README.md"].map((file) => `data/${file}`), // prettier-ignore
    before: async (folder) => copy(await preparedData(), join(folder, "data")),
    command: overData,
  },
];
