/** A sampling that was interrupted goes on with the same settings only. */
import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { fields } from "../../../src/run/config-fields.ts";
import type { Config } from "../../../src/run/config.ts";
import { baseConfig } from "../../../src/run/defaults.ts";
import { samplesWork } from "../../../src/run/images/samples-work.ts";

const base = baseConfig as unknown as Config;

/** The base with one field changed to a value that no default has. */
function changed(name: string): Config {
  const [group, key] = name.split(".") as [keyof Config, string | undefined];
  if (key === undefined) return { ...base, [group]: name === "seed" ? 1234 : "other" } as Config;
  return { ...base, [group]: { ...(base[group] as object), [key]: "bfloat16" } } as Config;
}

/** Fields, and groups of them, that images depend on. */
const COUNT = ["seed", "sde", "model", "sampling", "eval.batchSize", "eval.precision", "training.continuous", "data.centered"]; // prettier-ignore

describe("samplesWork", () => {
  it.each(fields.map(({ name }) => [name, COUNT.includes(name) || COUNT.includes(name.split(".")[0]!)]))(
    "%s makes other images: %s",
    (name, expected) => {
      expect(isDeepStrictEqual(samplesWork(changed(name)), samplesWork(base))).toBe(!expected);
    },
  );

  it("counts what a pipeline adds to the configuration", () => {
    const own = { ...base, guidance: { scale: 2 } };
    expect(isDeepStrictEqual(samplesWork(own), samplesWork(base))).toBe(false);
  });

  it("is written as before where there is nothing of its own, so that samplings begun go on", () => {
    expect(Object.keys(samplesWork(base))).toEqual(
      ["seed", "sde", "model", "sampling", "batchSize", "continuous", "centered"],
    ); // prettier-ignore
  });
});
