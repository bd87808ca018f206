/** The pipelines there are: the files of a folder, and any file that is named by its path. */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { UsageError } from "../base/errors.ts";
import { nearest } from "../run/nearest.ts";
import type { Pipeline } from "../run/pipeline.ts";
import { importFile } from "./import-file.ts";

export interface PipelineRegistry {
  /** Names in alphabetical order. */
  names(): Promise<string[]>;
  /** @throws UsageError when there is no such pipeline, naming the nearest. */
  load(name: string): Promise<Pipeline>;
  /** The file of a pipeline that `load` has found; undefined where it is in none. */
  fileOf?(name: string): string;
}

/** Refuses an unknown name with the nearest known ones. */
export function requireName(name: string, names: readonly string[]): void {
  if (names.includes(name)) return;
  throw new UsageError(
    `there is no pipeline "${name}"; nearest: ${nearest(name, names).join(", ") || "none"}`,
    "npm run pipeline lists them",
  );
}

/** Folder of this project's pipelines. */
export const pipelinesFolder = fileURLToPath(new URL("../../pipelines/", import.meta.url));

/** Ending of the project's own files: `.ts`, and `.js` when built. */
const ENDING = extname(import.meta.url);

const isPath = (name: string) => /\.[cm]?[jt]s$/.test(name);

/** Name of a pipeline that was given by its name or by a path: `./elsewhere/mine.ts` is "mine". */
export const pipelineName = (given: string) => (isPath(given) ? basename(given, extname(given)) : given);

/** @throws UsageError when there is no such file. */
function requireFile(path: string): string {
  const file = resolve(path);
  if (existsSync(file)) return file;
  throw new UsageError(`${path}: there is no such file`, "give the path of a pipeline, or the name of one");
}

/** Every file of `folder` that default-exports a pipeline; files are imported only when asked for. */
export function folderRegistry(folder = pipelinesFolder, ending = ENDING): PipelineRegistry {
  const names = async () => {
    const files = (await readdir(folder)).filter((file) => file.endsWith(ending));
    return files.map((file) => file.slice(0, -ending.length)).filter((name) => /^[^._].*(?<!\.(d|test))$/.test(name)).sort(); // prettier-ignore
  };
  const fileOf = (name: string) => (isPath(name) ? resolve(name) : join(folder, `${name}${ending}`));
  return {
    names,
    fileOf,
    async load(name) {
      if (!isPath(name)) requireName(name, await names());
      const path = isPath(name) ? requireFile(name) : fileOf(name);
      const pipeline = await importFile<Pipeline>(path);
      if (typeof pipeline?.run !== "function") {
        throw new UsageError(`${path} exports no pipeline`, "export default definePipeline({ ... })");
      }
      return pipeline;
    },
  };
}
