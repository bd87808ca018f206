/** Configuration fields that a pipeline adds to those of every run. */
import type * as z from "zod";
import { UsageError } from "../base/errors.ts";
import { fields, fieldsOfSchema, type Field } from "./config-fields.ts";
import { configSchema } from "./config.ts";

/** Fields by name, or groups of them; each with a default or optional, and a description. */
export type OwnFields = z.ZodObject;

/** Names at the root that a stored configuration has besides the fields; the second row is of those in checkpoints. */
const RESERVED = [
  ...["pipeline", "preset", "dataDigest", "dataChanges", "sha256"],
  ...["shape", "window", "lossByNoise", "goneBack", "heldOut", "reference", "scoreModel"],
];

const known = new WeakMap<OwnFields, readonly Field[]>();

function read(own: OwnFields): readonly Field[] {
  for (const name of Object.keys(own.shape)) {
    if (!(name in configSchema.shape) && !RESERVED.includes(name)) continue;
    throw new UsageError(`fields.${name}: every run has a field or group of this name`, "give it another name");
  }
  let found: Field[];
  try {
    found = fieldsOfSchema(own);
  } catch (error) {
    throw new UsageError(`fields: ${(error as Error).message}`, "use numbers, booleans, texts, enums and lists of numbers", {
      cause: error,
    }); // prettier-ignore
  }
  for (const { name, required } of found) {
    if (required)
      throw new UsageError(`fields.${name}: it has no value unless set`, "give it .default(...) or .optional()");
  }
  return found;
}

/** The fields of every run, then those of `own`, in the order of their schemas. @throws UsageError for a name or type that cannot be. */
export function fieldsWith(own: OwnFields | undefined): readonly Field[] {
  if (!own) return fields;
  const found = known.get(own) ?? read(own);
  known.set(own, found);
  return [...fields, ...found];
}

/** The part of a configuration that is a pipeline's own. */
export const ownPart = (config: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(config).filter(([name]) => !(name in configSchema.shape) && !RESERVED.includes(name)),
  );
