import fs, { linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { fields } from "../../src/run/config-fields.ts";
import {
  boundFields,
  changedSettings,
  readStoredConfig,
  requireSameConfig,
  storedSettings,
  writeStoredConfig,
  type StoredConfig,
} from "../../src/run/config-file.ts";
import { baseConfig } from "../../src/run/defaults.ts";
import { openWorkdir } from "../../src/run/workdir.ts";
import { temporaryFolder } from "../cli/fixture.ts";

const stored = { pipeline: "one", preset: "quick", ...baseConfig } as StoredConfig;
const pathIn = (workdir: string) => join(workdir, "config.json");

describe("config.json", () => {
  it("comes back as it was written, and on the disk", () => {
    const workdir = temporaryFolder();
    const sync = vi.spyOn(fs, "fsyncSync");
    try {
      writeStoredConfig(workdir, stored);
      expect(sync).toHaveBeenCalledTimes(1);
    } finally {
      sync.mockRestore();
    }
    expect(readStoredConfig(workdir)).toEqual(JSON.parse(JSON.stringify(stored)));
    expect(readdirSync(workdir)).toEqual(["config.json"]);
  });

  it("is put in the place of the old one, which is never half written", () => {
    const workdir = temporaryFolder();
    writeFileSync(pathIn(workdir), "old");
    linkSync(pathIn(workdir), join(workdir, "the-old-one"));
    writeStoredConfig(workdir, stored);
    expect(readFileSync(join(workdir, "the-old-one"), "utf8")).toBe("old");
    expect(readStoredConfig(workdir)?.pipeline).toBe("one");
  });

  it("leaves no other file when it cannot be put in its place", () => {
    const workdir = temporaryFolder();
    mkdirSync(pathIn(workdir));
    expect(() => writeStoredConfig(workdir, stored)).toThrow(/EISDIR|ENOTEMPTY/);
    expect(readdirSync(workdir)).toEqual(["config.json"]);
  });

  it("is not there in a new workdir", () => {
    const workdir = temporaryFolder();
    expect(readStoredConfig(workdir)).toBeUndefined();
    writeFileSync(join(workdir, "file"), "");
    expect(readStoredConfig(join(workdir, "file"))).toBeUndefined();
  });

  it.each(["", "{", "null", "[]", '{"preset":"smoke"}', '{"pipeline":1}'])("is damaged: %j", (text) => {
    const workdir = temporaryFolder();
    writeFileSync(pathIn(workdir), text);
    expect(() => readStoredConfig(workdir)).toThrow(UsageError);
    expect(() => readStoredConfig(workdir)).toThrow(`${pathIn(workdir)} is damaged: `);
  });

  it("in which a digit has changed is damaged", () => {
    const workdir = temporaryFolder();
    writeStoredConfig(workdir, stored);
    const text = readFileSync(pathIn(workdir), "utf8");
    writeFileSync(pathIn(workdir), text.replace('"betaMax": 20', '"betaMax": 21'));
    expect(() => readStoredConfig(workdir)).toThrow("is damaged: its content does not match its hash");
  });

  it("that cannot be read is not called damaged", () => {
    const workdir = temporaryFolder();
    mkdirSync(pathIn(workdir));
    expect(() => readStoredConfig(workdir)).toThrow(`${pathIn(workdir)} cannot be read: EISDIR`);
  });

  it("says what was held out, which an evaluation cannot change", () => {
    const wanted: StoredConfig = { ...stored, data: { ...stored.data, testFraction: 0.2 } };
    for (const mode of ["train", "eval", "train_deq", "sample"] as const) {
      expect(() => requireSameConfig("/work", stored, wanted, mode)).toThrow(
        "data.testFraction: 0.05 there, 0.2 asked",
      );
    }
  });

  it("says what an evaluation has otherwise than the training", () => {
    const wanted: StoredConfig = { ...stored, seed: 7, eval: { ...stored.eval, numImages: 3 } };
    expect(changedSettings(stored, wanted)).toEqual(["seed: 42 in the training, 7 here"]);
    expect(changedSettings(stored, stored)).toEqual([]);
  });

  it("has the folder of the data for an evaluation", () => {
    const settings = storedSettings({ ...stored, data: { ...stored.data, path: "photos" }, checkpoint: "a" });
    expect(settings).toContainEqual({ data: { path: "photos" } });
    expect(settings.some((setting) => "checkpoint" in setting)).toBe(false);
  });

  it("of another pipeline or other settings is refused, with a line for each", () => {
    const wanted: StoredConfig = { ...stored, pipeline: "two", optim: { ...stored.optim, lr: 0.5 } };
    expect(() => requireSameConfig("/work", stored, wanted, "train")).toThrow(
      `workdir /work belongs to another configuration:\n  pipeline: "one" there, "two" asked for\n` +
        `  optim.lr: ${stored.optim.lr} there, 0.5 asked for\n  remedy: use another --workdir, or the same settings`,
    );
    expect(() => requireSameConfig("/work", stored, { ...wanted, pipeline: "one" }, "eval")).not.toThrow();
    const longer = { ...stored, training: { ...stored.training, steps: stored.training.steps + 1 } };
    expect(() => requireSameConfig("/work", stored, longer, "train")).not.toThrow();
  });
});

describe("the fields that a workdir is bound to", () => {
  const free = (mode: "train" | "eval") => {
    const bound = new Set(boundFields(mode));
    return fields.map(({ name }) => name).filter((name) => !bound.has(name));
  };
  const group = (name: string) => fields.map((field) => field.name).filter((field) => field.startsWith(`${name}.`));

  it("are in training all but those that leave the parameters as they are", () => {
    const training = [
      "steps",
      "checkpointEvery",
      "keepCheckpoints",
      "keepEvery",
      "onDivergence",
      "largestLoss",
      "logEvery",
      "snapshotEvery",
      "histogramEvery",
      "noiseBins",
      "boundImages",
      "snapshotRaw",
      "snapshotNearest",
    ];
    const groups = ["sampling", "eval", "dequantizer", "quality"].flatMap(group);
    const engine = group("engine").filter((name) => name !== "engine.precision");
    const exchange = ["engine", "deadlineSeconds", "mixed", "verifyEvery"].map((name) => `exchange.${name}`);
    const others = ["checkpoint", "data.path", ...exchange, ...engine];
    expect(free("train").sort()).toEqual([...training.map((name) => `training.${name}`), ...groups, ...others].sort());
  });

  it("are in an evaluation those that make the network and its meaning", () => {
    const network = group("model").filter((name) => name !== "model.numScales");
    expect(boundFields("eval").sort()).toEqual(
      ["sde", "training.continuous", "data.testFraction", "data.centered", ...network].sort(),
    );
    expect(boundFields("sample").sort()).toEqual(boundFields("eval").sort());
  });
});

describe("the workdir", () => {
  it("is made, locked, and unlocked", () => {
    const workdir = join(temporaryFolder(), "a", "b");
    const unlock = openWorkdir(workdir, () => {});
    expect(readdirSync(workdir)).toEqual([".lock"]);
    expect(() => openWorkdir(workdir, () => {})).toThrow(`workdir ${workdir} is in use by process ${process.pid}\n`);
    unlock();
    expect(readdirSync(workdir)).toEqual([]);
  });

  it("tells of a lock that it took over", () => {
    const workdir = temporaryFolder();
    writeFileSync(join(workdir, ".lock"), "");
    fs.utimesSync(join(workdir, ".lock"), 1, 1);
    const said: string[] = [];
    openWorkdir(workdir, (text) => said.push(text));
    expect(said).toHaveLength(1);
  });

  it("that is a file is bad usage", () => {
    const file = join(temporaryFolder(), "file");
    writeFileSync(file, "");
    expect(() => openWorkdir(file, () => {})).toThrow(UsageError);
    expect(() => openWorkdir(file, () => {})).toThrow(`workdir ${file} cannot be written: EEXIST`);
  });
});
