/** The pipelines there are: the files of a folder. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { UsageError } from "../base/errors.ts";
import { nearest } from "../run/nearest.ts";
import type { Pipeline } from "../run/pipeline.ts";

export interface PipelineRegistry {
  /** Names in alphabetical order. */
  names(): Promise<string[]>;
  /** @throws UsageError when there is no such pipeline, naming the nearest. */
  load(name: string): Promise<Pipeline>;
}

/** Refuses an unknown name with the nearest known ones. */
export function requireName(name: string, names: readonly string[]): void {
  if (names.includes(name)) return;
  throw new UsageError(
    `there is no pipeline "${name}"; nearest: ${nearest(name, names).join(", ") || "none"}`,
    "npm run pipeline lists them",
  );
}

/** Every `.ts` file of `folder` that default-exports a pipeline; files are imported only when asked for. */
export function folderRegistry(folder = fileURLToPath(new URL("../../pipelines/", import.meta.url))): PipelineRegistry {
  const names = async () => {
    const files = await readdir(folder);
    return files.filter((file) => /^[^._].*(?<!\.(d|test))\.ts$/.test(file)).map((file) => file.slice(0, -3)).sort(); // prettier-ignore
  };
  return {
    names,
    async load(name) {
      requireName(name, await names());
      const path = join(folder, `${name}.ts`);
      const module = (await import(pathToFileURL(path).href)) as { default?: Pipeline };
      if (typeof module.default?.run !== "function") {
        throw new UsageError(`${path} exports no pipeline`, "export default definePipeline({ ... })");
      }
      return module.default;
    },
  };
}
