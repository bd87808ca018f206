/** The schema's fields by dotted name: what `--set` accepts, what messages and `--help` say of them. */
import * as z from "zod";
import { UsageError } from "../base/errors.ts";
import { configSchema } from "./config.ts";
import { nearest } from "./nearest.ts";

/** The parts of JSON Schema that {@link configSchema} uses. */
interface Node {
  readonly type?: "object" | "integer" | "number" | "boolean" | "string" | "array";
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly minItems?: number;
}

export interface Field {
  /** Dotted name, "training.batchSize". */
  readonly name: string;
  readonly description: string;
  /** The values it takes, in words. */
  readonly allowed: string;
  /** Reads a value of `--set`; undefined when the text is not of the field's type. */
  readonly parse: (text: string) => unknown;
}

function range(node: Node): string {
  if (node.exclusiveMinimum !== undefined || node.exclusiveMaximum !== undefined) {
    const low = node.exclusiveMinimum === undefined ? `[${node.minimum}` : `(${node.exclusiveMinimum}`;
    const high = node.exclusiveMaximum === undefined ? `${node.maximum}]` : `${node.exclusiveMaximum})`;
    return `in ${low}, ${high}`;
  }
  return `from ${node.minimum} to ${node.maximum}`;
}

function allowed(node: Node): string {
  if (node.enum) return node.enum.join(", ");
  switch (node.type) {
    case "integer":
      return node.multipleOf ? `a multiple of ${node.multipleOf} ${range(node)}` : `a whole number ${range(node)}`;
    case "number":
      return `a number ${range(node)}`;
    case "boolean":
      return "true, false";
    case "array": {
      const kind = node.items?.type === "integer" ? "whole numbers" : "numbers";
      const text = `${kind} ${range(node.items!)} with commas between`;
      return node.minItems ? `${text}, at least ${node.minItems}` : `${text}, or [] for none`;
    }
    default:
      return "a path";
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

function fieldsOf(node: Node, prefix: string): Field[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    const name = prefix + key;
    if (child.type === "object") return fieldsOf(child, `${name}.`);
    const { description = "" } = child;
    return [{ name, description, allowed: allowed(child), parse: (text: string) => parse(child, text) }];
  });
}

/** Every field of the configuration, in the schema's order. */
export const fields: readonly Field[] = fieldsOf(z.toJSONSchema(configSchema) as Node, "");

/** The field at a path of the schema, or the one that holds it (a path may end with an index into a list). */
export function fieldAt(path: readonly PropertyKey[]): Field | undefined {
  return fields.find(({ name }) => name === path.slice(0, name.split(".").length).join("."));
}

/** @throws UsageError when there is no such field, naming the nearest. */
export function fieldNamed(name: string): Field {
  const found = fields.find((field) => field.name === name);
  if (found) return found;
  const members = fields.filter((field) => field.name.startsWith(`${name}.`)).map((field) => field.name);
  const close = members.length ? members : nearest(name, fields.map((field) => field.name)); // prettier-ignore
  const what = members.length ? "is a group of fields" : "is not a configuration field";
  throw new UsageError(
    `--set ${name}: ${what}; ${members.length ? "it has" : "nearest"}: ${close.join(", ")}`,
    `use one of these, or --help for all fields`,
  );
}
