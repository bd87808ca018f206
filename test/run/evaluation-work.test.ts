import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { ProgressFile } from "../../src/data/formats/progress-file.ts";
import { engineText, type Engine } from "../../src/engine/load.ts";
import { fields } from "../../src/run/config-fields.ts";
import { baseConfig } from "../../src/run/defaults.ts";
import type { Config } from "../../src/run/config.ts";
import { computedBy, evaluationWork, progressPath, requireSameVersion } from "../../src/run/evaluation-work.ts";
import { treeOf } from "../../src/run/resolve-config.ts";
import { temporaryFolder } from "../cli/fixture.ts";

type Groups = Record<string, object | string | number>;

/** The base with one field changed to a value that no default has. */
function changed(name = ""): Config {
  const [group, key] = name.split(".");
  const base = baseConfig as unknown as Groups;
  const over = name && treeOf(name, "other");
  const tree = !over ? base : key ? { ...base, [group!]: { ...(base[group!] as object), [key]: "other" } } : { ...base, ...over }; // prettier-ignore
  return tree as unknown as Config;
}

const KEYS = ["bpd", "bound", "loss"] as const;
const ALL = "bpd bound loss";
/** The works that a field changes; whole groups by their name alone. */
const CHANGES: Readonly<Record<string, string>> = {
  ...{ seed: ALL, sde: ALL, model: ALL, data: ALL },
  ...{ "training.smallestTime": ALL, "training.continuous": ALL },
  ...{
    "training.likelihoodWeighting": "loss",
    "training.importanceWeighting": "loss",
    "training.velocityTimes": "loss",
    "training.reduceMean": "loss",
  },
  ...{ "eval.split": ALL, "eval.numImages": ALL, "eval.batchSize": ALL, "eval.repeats": ALL },
  ...{
    "eval.rtol": "bpd",
    "eval.atol": "bpd",
    "eval.stepControl": "bpd",
    "eval.timeVariable": "bpd",
    "eval.hutchinson": "bpd",
  },
  "eval.dequantization": "bpd bound",
  ...{ "eval.boundForm": "bound", "eval.boundTimes": "bound", "eval.boundOffset": "bound" },
};

describe("evaluationWork", () => {
  it.each(fields.map(({ name }) => [name, CHANGES[name] ?? CHANGES[name.split(".")[0]!] ?? ""]))(
    "%s changes the work of: %s",
    (name, expected) => {
      const differs = KEYS.filter(
        (key) => !isDeepStrictEqual(evaluationWork(changed(name), key), evaluationWork(changed(), key)),
      );
      expect(differs.join(" ")).toBe(expected);
    },
  );
});

it("a time variable of the solver is written only where it is not that of the reference", () => {
  const { timeVariable } = evaluationWork(changed(), "bpd");
  expect(timeVariable).toBeUndefined();
  const roots = { ...changed(), eval: { ...baseConfig.eval, timeVariable: "sqrt" as const } };
  expect(evaluationWork(roots, "bpd")).toMatchObject({ timeVariable: "sqrt" });
});

it("several draws of the noise change the work of bpd alone, and one is what there was before", () => {
  const work = (importanceSamples: number) =>
    KEYS.map((key) => evaluationWork({ ...changed(), eval: { ...baseConfig.eval, importanceSamples } }, key));
  const differs = KEYS.filter((_, i) => !isDeepStrictEqual(work(20)[i], work(1)[i]));
  expect(differs).toEqual(["bpd"]);
  expect(Object.keys(work(1)[0]!)).not.toContain("importanceSamples");
});

describe("progressPath", () => {
  it.each([
    ["bpd", "test", "dsm", "uniform", "bpd.jsonl"],
    ["bound", "test", "dsm", "uniform", "bound.jsonl"],
    ["loss", "test", "ssm", "uniform", "loss.jsonl"],
    ["bpd", "train", "ssm", "uniform", "bpd_train.jsonl"],
    ["bound", "test", "ssm", "uniform", "bound_ssm.jsonl"],
    ["bpd", "test", "dsm", "variational", "bpd_variational.jsonl"],
    ["bound", "train", "ssm", "variational", "bound_train_ssm_variational.jsonl"],
  ] as const)("%s of %s images, %s, %s: %s", (key, split, boundForm, dequantization, name) => {
    const config = { ...changed(), eval: { ...baseConfig.eval, split, boundForm } };
    expect(progressPath("run", config, key, dequantization)).toBe(join("run", "eval", name));
  });
});

describe("requireSameVersion", () => {
  const now = { seed: 42, code: "2", engine: "tensorflow 2" };
  /** Checks a file begun as `was` whose entries stand for `counts` images, of 6 in all. */
  const check = (was: object, ...counts: number[]) => {
    const path = join(temporaryFolder(), "eval", "bpd.jsonl");
    const file = new ProgressFile<number>(path, was);
    for (const count of counts) file.append(count);
    requireSameVersion<number>(path, now, 6, (entries) => entries.reduce((a, b) => a + b, 0));
  };

  it("takes another precision for another version", () => {
    const engine = { name: "tensorflow-gpu", version: "2", precision: "tf32" } as const;
    expect(engineText(engine)).toBe("tensorflow-gpu 2 in TF32");
    expect(engineText({ ...engine, precision: "float32" })).toBe("tensorflow-gpu 2");
    const context = { config: changed(), engine: { ...engine, native: true } as Engine };
    expect(computedBy(context).engine).toBe("tensorflow-gpu 2 in TF32");
    expect(() => check({ ...now, engine: "tensorflow 2 in TF32" }, 1)).toThrow("ScoreStream 2 on tensorflow 2 in TF32");
  });

  it("takes the same images for the same, wherever they lie", () => {
    const work = (path: string, images?: string) =>
      JSON.stringify(evaluationWork({ ...changed(), data: { ...baseConfig.data, path } }, "bpd", images));
    expect(work("here", "1")).toBe(work("there", "1"));
    expect(work("here", "1")).not.toBe(work("here", "2"));
    expect(work("here")).not.toBe(work("there"));
  });

  it.each([[{ code: "1" }], [{ engine: "tensorflow 1" }], [{ code: undefined }]])(
    "refuses what a version with %j has begun and not ended",
    (other) => {
      const was = { ...now, ...other };
      expect(() => check(was, 1)).toThrow("1 of 6 images");
      expect(() => check(was, 2, 3)).toThrow("5 of 6 images");
      // Nothing is mixed when nothing was done, or everything.
      check(was);
      check(was, 2, 4);
      check(was, 3, 4);
    },
  );

  it("lets go on the same version, and leaves other work alone", () => {
    check(now, 2);
    check({ ...now, code: "1", seed: 41 }, 2);
    requireSameVersion("/nowhere/bpd.jsonl", now, 6, () => 2);
  });
});
