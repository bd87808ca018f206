/** Merges layers of settings to one checked configuration. */
import type * as z from "zod";
import { UsageError } from "../base/errors.ts";
import { configNotes, configProblems, type Problem } from "./config-checks.ts";
import { configSchema, type Config, type DeepPartial } from "./config.ts";
import { baseConfig, smallestTimes } from "./defaults.ts";
import { fieldAt, fieldNamed, type Field } from "./config-fields.ts";
import { fieldsWith, ownPart, type OwnFields } from "./own-fields.ts";

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

function assigned({ name, text }: Assignment, all: readonly Field[]): Tree {
  const field = fieldNamed(name, all);
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

/** Lists the faults that `schema` finds in `tree`. */
function problemsOf(issues: readonly z.core.$ZodIssue[], tree: Tree, all: readonly Field[]): Problem[] {
  return issues.map((issue): Problem => {
    const field = fieldAt(issue.path, all);
    if (!field) return { message: issue.message, remedy: "use the fields that --help lists" };
    const value = JSON.stringify(valueAt(tree, field.name));
    const why = issue.code === "custom" ? issue.message : "is out of range";
    return { message: `${field.name}: ${value} ${why}`, remedy: `${field.name} takes ${field.allowed}` };
  });
}

/** The whole of `tree` as the schema of every run and the pipeline's own have it. */
function check(tree: Tree, own: OwnFields | undefined, all: readonly Field[]): Config {
  const theirs = own ? ownPart(tree) : {};
  const common = configSchema.safeParse(Object.fromEntries(Object.entries(tree).filter(([name]) => !(name in theirs))));
  const further = own?.strict().safeParse(theirs);
  const issues = [...(common.error?.issues ?? []), ...(further?.error?.issues ?? [])];
  if (!common.success || issues.length) fail(problemsOf(issues, tree, all));
  return { ...common.data, ...further?.data };
}

export interface Layers {
  readonly imageSize?: number;
  /** Fields that the pipeline adds. */
  readonly own?: OwnFields | undefined;
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
export function resolveConfig({ imageSize, own, settings, assignments }: Layers): Resolved {
  const all = fieldsWith(own);
  const unset = all.map(({ name, default: value }) => (value === undefined ? {} : treeOf(name, value)));
  const given = [...settings, ...assignments.map((assignment) => assigned(assignment, all))];
  const merged = [...unset, ...given].reduce(merge, baseConfig as unknown) as Tree;
  const times = smallestTimes(merged["sde"]);
  const tree = merge(
    { training: { smallestTime: times.training }, sampling: { smallestTime: times.sampling } },
    merged,
  ) as Tree;
  const config = check(tree, own, all);
  const problems = configProblems(config, imageSize);
  if (problems.length) fail(problems);
  return { config, notes: configNotes(config, imageSize) };
}
