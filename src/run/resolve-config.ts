/** From layers of settings to one checked configuration. */
import { UsageError } from "../base/errors.ts";
import { configNotes, configProblems, type Problem } from "./config-checks.ts";
import { configSchema, type Config, type DeepPartial } from "./config.ts";
import { baseConfig, smallestTimes } from "./defaults.ts";
import { fieldAt, fieldNamed } from "./config-fields.ts";

/** One `key=value` of the command line. */
export interface Assignment {
  readonly name: string;
  readonly text: string;
}

type Tree = { [key: string]: unknown };

const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null && !Array.isArray(value);

/** `over` on top of `under`; lists are replaced whole. */
function merge(under: unknown, over: unknown): unknown {
  if (over === undefined) return under;
  if (!isTree(under) || !isTree(over)) return structuredClone(over);
  const merged: Tree = { ...under };
  for (const [key, value] of Object.entries(over)) merged[key] = merge(under[key], value);
  return merged;
}

/** The value at a dotted name, or undefined. */
export function valueAt(tree: unknown, name: string): unknown {
  return name.split(".").reduce((at: unknown, key) => (isTree(at) ? at[key] : undefined), tree);
}

/** A tree with one value in it. */
export function treeOf(name: string, value: unknown): Tree {
  return name.split(".").reduceRight((inner: unknown, key) => ({ [key]: inner }), value) as Tree;
}

/** Splits "key=value". @throws UsageError without "=". */
export function parseAssignment(argument: string): Assignment {
  const at = argument.indexOf("=");
  if (at < 1) throw new UsageError(`--set ${argument}: no "key=value"`, "for example --set training.batchSize=64");
  return { name: argument.slice(0, at).trim(), text: argument.slice(at + 1).trim() };
}

function assigned({ name, text }: Assignment): Tree {
  const field = fieldNamed(name);
  const value = field.parse(text);
  if (value === undefined) {
    throw new UsageError(`${name}: "${text}" is not allowed`, `allowed: ${field.allowed}`);
  }
  return treeOf(name, value);
}

function fail(problems: readonly Problem[]): never {
  const remedies = new Set(problems.map(({ remedy }) => remedy));
  throw new UsageError(problems.map(({ message }) => message).join("\n"), [...remedies].join("; "));
}

export interface Layers {
  readonly imageSize?: number;
  /** Applied in this order over the base: pipeline defaults, preset, a stored configuration. */
  readonly settings: readonly DeepPartial<Config>[];
  /** `--steps`, `--seed`, then each `--set`. */
  readonly assignments: readonly Assignment[];
}

export interface Resolved {
  readonly config: Config;
  /** Remarks for the user. */
  readonly notes: readonly string[];
}

/**
 * Applies the layers, later ones over earlier ones, and checks the result.
 *
 * @throws UsageError naming every field out of range with its value and what is allowed.
 */
export function resolveConfig({ imageSize, settings, assignments }: Layers): Resolved {
  const merged = [...settings, ...assignments.map(assigned)].reduce(merge, baseConfig as unknown) as Tree;
  const times = smallestTimes(merged["sde"]);
  const tree = merge(
    { training: { smallestTime: times.training }, sampling: { smallestTime: times.sampling } },
    merged,
  );

  const checked = configSchema.safeParse(tree);
  if (!checked.success) {
    fail(
      checked.error.issues.map((issue): Problem => {
        const field = fieldAt(issue.path);
        if (!field) return { message: issue.message, remedy: "use the fields that --help lists" };
        const value = JSON.stringify(valueAt(tree, field.name));
        return { message: `${field.name}: ${value} is out of range`, remedy: `${field.name} takes ${field.allowed}` };
      }),
    );
  }
  const problems = configProblems(checked.data, imageSize);
  if (problems.length) fail(problems);
  return { config: checked.data, notes: configNotes(checked.data, imageSize) };
}
