/** The runs that are killed: what lies there before, and the command. */
import { MAIN, type Program } from "../program.ts";
import { gaussianBase, gaussianRun, imageFile, imagesRun, prepareArrays, preparedData, set, trained } from "../runs.ts"; // prettier-ignore

/** A run to be killed. */
export interface Scenario {
  readonly name: string;
  /** Puts what lies there before into a new folder. */
  readonly before?: (folder: string) => Promise<void>;
  readonly command: (folder: string) => Program;
}

export const scenarioNames = ["train", "eval", "sample", "train_deq", "prepare", "local steps"] as const;

/** Rounds of 5 steps, and a log step between checkpoints. */
const rounds = set(
  ...["exchange.mode=local", "exchange.every=5", "training.shards=2", "training.checkpointEvery=10"],
  "training.logEvery=15",
);

/** The scenarios; their data are prepared by then. */
export async function scenarios(): Promise<Scenario[]> {
  const [source, path] = [await imageFile(), await preparedData()];
  const run =
    (argv: readonly string[], ...more: string[]) =>
    (folder: string): Program => ({ file: MAIN, argv: [...argv, ...more, "--workdir", folder] });
  const trainedImages = (folder: string) => trained("images", folder);
  return [
    { name: "train", command: run(gaussianRun) },
    { name: "eval", before: (folder) => trained("gaussian", folder), command: run(gaussianRun, "--mode", "eval") },
    { name: "sample", before: trainedImages, command: run(imagesRun(path), "--mode", "sample") },
    { name: "train_deq", before: trainedImages, command: run(imagesRun(path), "--mode", "train_deq", "--steps", "5") },
    { name: "prepare", command: (folder) => prepareArrays(source, folder) },
    { name: "local steps", command: run(gaussianBase, ...rounds) },
  ];
}
