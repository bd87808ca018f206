/** Reads the configuration that a checkpoint holds of the run that wrote it. */
import { DamagedCheckpointError } from "./checkpoint.ts";
import type { FieldOptions } from "./reference-fields.ts";

export type Json = Readonly<Record<string, unknown>>;

export const isRecord = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** @throws DamagedCheckpointError when `text` is no JSON object. */
export function parseConfig(path: string, text: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (!isRecord(value)) throw new DamagedCheckpointError(path, "its configuration is not a JSON object");
  return value;
}

/** The settings that the reference keeps in its training state, as far as a configuration has them. */
export function fieldOptions(config: unknown): FieldOptions {
  const at = (value: unknown, ...names: string[]): unknown =>
    names.reduce((inner: unknown, name) => (isRecord(inner) ? inner[name] : undefined), value);
  const entries = [
    ["lr", at(config, "optim", "lr")],
    ["emaRate", at(config, "model", "emaRate")],
    ["seed", at(config, "seed")],
  ] as const;
  return Object.fromEntries(entries.filter(([, value]) => Number.isFinite(value)));
}
