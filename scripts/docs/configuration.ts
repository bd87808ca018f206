/** `docs/reference/configuration.md`: every field of the configuration, from its schema. */
import { cifar10Presets } from "../../pipelines/presets/cifar10.ts";
import type { Config } from "../../src/run/config.ts";
import { fields } from "../../src/run/config-fields.ts";
import { resolveConfig, valueAt } from "../../src/run/resolve-config.ts";
import { code, generatedFrom, table } from "./table.ts";

const base = resolveConfig({ settings: [], assignments: [] }).config;

const valueIn = (config: Config, name: string): string => {
  const value = valueAt(config, name);
  return value === undefined ? "" : code(String(value) || "[]");
};

const groupOf = (name: string) => name.split(".").slice(0, -1).join(".");

function group(name: string): string {
  const rows = fields
    .filter((field) => groupOf(field.name) === name)
    .map((field) => [code(field.name), field.description, field.allowed, valueIn(base, field.name)]);
  return `## ${name || "The run"}\n\n${table(["Field", "Meaning", "Values", "Default"], rows)}`;
}

/** The fields in which the presets of `cifar10` differ from the defaults or from each other. */
function presetTable(): string {
  const names = ["quick", "paper", "paper_deep", "modern", "released"] as const;
  const configs = names.map((name) => {
    return resolveConfig({ imageSize: 32, settings: [cifar10Presets[name]], assignments: [] }).config;
  });
  const rows = fields
    .map(({ name }) => [code(name), ...configs.map((config) => valueIn(config, name)), valueIn(base, name)])
    .filter(([, ...values]) => new Set(values).size > 1);
  return table(["Field", ...names.map(code), "Default"], rows);
}

export function configuration(): string {
  const groups = [...new Set(fields.map(({ name }) => groupOf(name)))];
  return [
    "# Configuration\n",
    generatedFrom("the schema in `src/run/config.ts`"),
    "`--set field=value` sets a field, and can be repeated. A preset and a pipeline change defaults; `--help` of a pipeline shows its own.",
    "A field without a default may stay unset.\n",
    ...groups.map(group),
    "## Presets of cifar10\n",
    presetTable(),
  ].join("\n");
}
