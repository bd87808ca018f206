/** JSON objects that carry a hash of themselves, so that a changed digit is noticed. */
import { createHash } from "node:crypto";

const SEAL = "sha256";

const hashOf = (value: object) => createHash("sha256").update(JSON.stringify(value)).digest("hex");

/** The text of a JSON file: the object, with its hash as the last member. */
export const sealJson = (value: object): string =>
  `${JSON.stringify({ ...value, [SEAL]: hashOf(JSON.parse(JSON.stringify(value)) as object) }, undefined, 2)}\n`;

/**
 * The object without its hash.
 *
 * @returns `whole`: whether the hash is that of the object; undefined where it has none, as in files of older versions.
 */
export function unsealJson(value: Readonly<Record<string, unknown>>): {
  readonly value: Readonly<Record<string, unknown>>;
  readonly whole: boolean | undefined;
} {
  const { [SEAL]: seal, ...rest } = value;
  return { value: rest, whole: seal === undefined ? undefined : seal === hashOf(rest) };
}
