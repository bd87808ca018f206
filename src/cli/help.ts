/** The list of pipelines and the text of `--help`. */
import { fieldsWith } from "../run/own-fields.ts";
import { isBuilt } from "../base/built.ts";
import { COMMAND } from "./command.ts";
import { program, type Options } from "./options.ts";
import { presets, type Pipeline } from "../run/pipeline.ts";
import type { PipelineRegistry } from "./registry.ts";
import { resolveConfig, valueAt } from "../run/resolve-config.ts";

export interface ListedPipeline {
  readonly name: string;
  readonly summary: string;
}

/** Every pipeline with its summary; one that cannot be imported says so there. */
export async function listPipelines(registry: PipelineRegistry): Promise<ListedPipeline[]> {
  const listed: ListedPipeline[] = [];
  for (const name of await registry.names()) {
    const summary = await registry.load(name).then(
      (pipeline) => pipeline.summary,
      (error: Error) => `(cannot be loaded: ${error.message.split("\n")[0]})`,
    );
    listed.push({ name, summary });
  }
  return listed;
}

/** One line a pipeline. */
export function listText(listed: readonly ListedPipeline[]): string {
  const width = Math.max(0, ...listed.map(({ name }) => name.length));
  return listed.map(({ name, summary }) => `${name.padEnd(width)}  ${summary}\n`).join("");
}

/** "training.batchSize=64" with its meaning and its values, a line each, a blank line between groups. */
function fieldLines(pipeline: Pipeline | undefined, options: Options): string[] {
  const preset = presets.find((one) => one === options.preset) ?? "quick";
  const own = pipeline?.fields;
  const { config } = resolveConfig({
    imageSize: pipeline?.imageSize,
    own,
    settings: [pipeline?.defaults ?? {}, pipeline?.presets?.[preset] ?? {}],
    assignments: options.assignments,
  });
  const shown = fieldsWith(own).map((field) => {
    const value = valueAt(config, field.name);
    return { ...field, setting: `${field.name}=${value === undefined ? "" : String(value) || "[]"}` };
  });
  const width = Math.max(...shown.map(({ setting }) => setting.length));
  return shown.flatMap(({ name, setting, description, allowed }, i) => {
    const group = (other: string | undefined) => other?.split(".").slice(0, -1).join(".");
    const gap = i > 0 && group(shown[i - 1]?.name) !== group(name) ? [""] : [];
    return [...gap, `  ${setting.padEnd(width)}  ${description}; ${allowed}`];
  });
}

/** The whole text; with a pipeline also what it reaches, its settings and examples for it. */
export function helpText(options: Options, pipeline: Pipeline | undefined, listed: readonly ListedPipeline[]): string {
  const name = options.name ?? "<name>";
  const example = options.name ?? listed[0]?.name ?? "cifar10";
  const about = pipeline
    ? `${name}: ${pipeline.summary}\n\n${pipeline.reaches}\n`
    : `Pipelines:\n${listText(listed).replace(/^/gm, "  ").trimEnd()}\n`;
  const preset = pipeline?.presets ? `preset ${options.preset ?? "quick"} of ${name}` : name;
  const values = pipeline ? preset : "the defaults before a pipeline or preset changes them";
  return [
    about,
    program().helpInformation(),
    `Configuration fields for --set, with the values of ${values}:\n`,
    ...fieldLines(pipeline, options),
    "\nExamples:",
    `  ${COMMAND} ${example}`,
    `  ${COMMAND} ${example} -- --preset quick --steps 500 --workdir runs/short`,
    `  ${COMMAND} ${example} -- --set sde=subvp --set training.batchSize=32 --workdir runs/subvp`,
    `  ${COMMAND} ${example} -- --mode eval --set eval.numImages=1000 --json`,
    ...(isBuilt ? [] : [`  deno task pipeline ${example} --mode sample`]),
    "",
  ].join("\n");
}
