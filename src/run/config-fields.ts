/** The schema's fields by dotted name: what `--set` accepts, what messages and `--help` say of them. */
import * as z from "zod";
import { UsageError } from "../base/errors.ts";
import { configSchema } from "./config.ts";
import { nearest } from "./nearest.ts";

/** The parts of JSON Schema that fields use. */
interface Node {
  readonly type?: "object" | "integer" | "number" | "boolean" | "string" | "array";
  readonly description?: string;
  readonly default?: unknown;
  /** "path": a file or folder. */
  readonly format?: string;
  /** True for a field that may differ between runs of one workdir. */
  readonly free?: boolean;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly minItems?: number;
  readonly required?: readonly string[];
}

export interface Field {
  /** Dotted name, "training.batchSize". */
  readonly name: string;
  readonly description: string;
  /** The values it takes, in words. */
  readonly allowed: string;
  /** Reads a value of `--set`; undefined when the text is not of the field's type. */
  readonly parse: (text: string) => unknown;
  /** Its value unless set, where its schema has one. */
  readonly default?: unknown;
  /** It has neither a default nor may it be absent. */
  readonly required: boolean;
  /** It may differ between runs of one workdir: `.meta({ free: true })`. */
  readonly free: boolean;
}

function range(node: Node): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = node;
  const [least, most] = [exclusiveMinimum ?? minimum, exclusiveMaximum ?? maximum];
  if (least === undefined && most === undefined) return "";
  if (most === undefined) return exclusiveMinimum === undefined ? ` from ${least} on` : ` above ${least}`;
  if (least === undefined) return exclusiveMaximum === undefined ? ` up to ${most}` : ` below ${most}`;
  if (exclusiveMinimum === undefined && exclusiveMaximum === undefined) return ` from ${least} to ${most}`;
  const low = exclusiveMinimum === undefined ? `[${least}` : `(${least}`;
  const high = exclusiveMaximum === undefined ? `${most}]` : `${most})`;
  return ` in ${low}, ${high}`;
}

function allowed(node: Node): string {
  if (node.enum) return node.enum.join(", ");
  switch (node.type) {
    case "integer":
      return node.multipleOf ? `a multiple of ${node.multipleOf}${range(node)}` : `a whole number${range(node)}`;
    case "number":
      return `a number${range(node)}`;
    case "boolean":
      return "true, false";
    case "array": {
      const kind = node.items!.type === "integer" ? "whole numbers" : "numbers";
      const text = `${kind}${range(node.items!)} with commas between`;
      return node.minItems ? `${text}, at least ${node.minItems}` : `${text}, or [] for none`;
    }
    default:
      return node.format === "path" ? "a path" : "a text";
  }
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

function parse(node: Node, text: string): unknown {
  switch (node.type) {
    case "integer":
    case "number": {
      const value = NUMBER.test(text) ? Number(text) : NaN;
      return Number.isFinite(value) && (node.type === "number" || Number.isInteger(value)) ? value : undefined;
    }
    case "boolean":
      return text === "true" ? true : text === "false" ? false : undefined;
    case "array": {
      const inner = text.replace(/^\[(.*)\]$/, "$1").trim();
      const parts = inner === "" ? [] : inner.split(",").map((part) => parse(node.items!, part.trim()));
      return parts.includes(undefined) ? undefined : parts;
    }
    default:
      return node.enum && !node.enum.includes(text) ? undefined : text || undefined;
  }
}

/** @throws RangeError for a type that has no text on the command line. */
function checkType(name: string, { type, items, enum: values }: Node): void {
  const scalar = type === "integer" || type === "number";
  const simple = scalar || type === "boolean" || type === "string";
  const list = type === "array" && (items?.type === "integer" || items?.type === "number");
  const texts = values?.every((value) => typeof value === "string") ?? true;
  if (!(simple || list) || !texts) throw new RangeError(`${name} is of a type that --set cannot write`);
}

function fieldsIn(node: Node, prefix: string): Field[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    const name = prefix + key;
    if (child.type === "object" && child.properties) return fieldsIn(child, `${name}.`);
    checkType(name, child);
    const { description = "", free = false } = child;
    const required = child.default === undefined && (node.required?.includes(key) ?? false);
    return [
      {
        ...{ name, description, allowed: allowed(child), required, free, default: child.default },
        parse: (text: string) => parse(child, text),
      },
    ];
  });
}

/** The fields of a schema by dotted name, in its order. @throws RangeError for a type that has no text on the command line. */
export const fieldsOfSchema = (schema: z.ZodObject): Field[] =>
  fieldsIn(z.toJSONSchema(schema, { io: "input" }) as Node, "");

/** Every field of the configuration, in the schema's order. */
export const fields: readonly Field[] = fieldsOfSchema(configSchema);

/** The field at a path of the schema, or the one that holds it (a path may end with an index into a list). */
export function fieldAt(path: readonly PropertyKey[], all: readonly Field[] = fields): Field | undefined {
  return all.find(({ name }) => name === path.slice(0, name.split(".").length).join("."));
}

/** @throws UsageError when there is no such field, naming the nearest. */
export function fieldNamed(name: string, all: readonly Field[] = fields): Field {
  const found = all.find((field) => field.name === name);
  if (found) return found;
  const members = all.filter((field) => field.name.startsWith(`${name}.`)).map((field) => field.name);
  const close = members.length ? members : nearest(name, all.map((field) => field.name)); // prettier-ignore
  const what = members.length ? "is a group of fields" : "is not a configuration field";
  throw new UsageError(
    `--set ${name}: ${what}; ${members.length ? "it has" : "nearest"}: ${close.join(", ")}`,
    `use one of these, or --help for all fields`,
  );
}
