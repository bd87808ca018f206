import { describe, expect, it } from "vitest";
import { parseDataOptions } from "../../src/cli/data-options.ts";
import { fetching } from "../../src/cli/data-prepare.ts";
import { splitLine } from "../../src/cli/data-pull.ts";
import { manifestText } from "../../src/cli/data-text.ts";
import { engineReportText } from "../../src/cli/engine.ts";

describe("--range", () => {
  const range = (text: string) =>
    parseDataOptions(["prepare", "--format", "arrow", "--range", text, "--out", "x", "--from", "a"]);

  it("takes two numbers", () => {
    expect(range("-1, 1")).toMatchObject({ images: { range: [-1, 1] } });
  });

  it.each([",1", " ,1", "-1,", "1", "1,0", "0,1,2", "0,x"])("refuses %j", (text) => {
    expect(() => range(text)).toThrow(`--range ${text}: expected two numbers, the smaller first`);
  });
});

describe("the progress of fetched data", () => {
  const told = (...steps: [string, number?][]) => {
    const said: unknown[] = [];
    const tell = fetching({
      stage: (stage: unknown) => said.push(stage),
      message: (text: unknown) => said.push(text),
      progress: (progress: unknown) => said.push(progress),
    } as never);
    for (const [text, fraction] of steps) tell(text, fraction);
    return said;
  };

  it("is a bar in whole percent where the end is known, begun once", () => {
    expect(told(["a", 0.129], ["a", 0.5], ["b", 0])).toEqual([
      { name: "a", total: 100, unit: "%" },
      { done: 12 },
      { done: 50 },
      { name: "b", total: 100, unit: "%" },
      { done: 0 },
    ]);
  });

  it("is a message, each once, where it is not", () => {
    expect(told(["a"], ["a"], ["b", 1])).toEqual(["a", "b"]);
  });
});

describe("a split that was pulled", () => {
  const pulled = { path: ["mnist", "train"], directory: "d", seconds: 3, images: 7, kept: 2 };

  it("is stopped without a manifest", () => {
    expect(splitLine({ ...pulled, manifest: undefined } as never)).toBe(
      "mnist/train: stopped; 7 images are in finished shards; run the same command again to continue\n",
    );
  });
});

describe("a manifest", () => {
  const manifest = {
    work: { format: "images", split: "train", files: [], options: {} },
    ...{
      shape: [2, 2, 1],
      count: 3,
      shards: [],
      channelMeans: [0.5],
      channelDeviations: [0.25],
      skipped: { count: 0, files: 0, first: [] },
    },
  };
  const labels = (more: object) => /^labels +(.*)$/m.exec(manifestText({ ...manifest, ...more } as never))![1];

  it("tells its classes, or that there are none", () => {
    expect(labels({})).toBe("none");
    expect(labels({ classCounts: [1, 2], classNames: ["a", "b"] })).toBe("2 classes of 1 to 2 images: a, b");
    expect(labels({ classCounts: [2, 2] })).toBe("2 classes of 2 images");
  });
});

describe("the engine's report", () => {
  const report = {
    ...{
      engine: "tensorflow" as const,
      version: "2",
      device: "CPU",
      threads: 1,
      native: true,
      runtime: "Node",
      cache: "c",
    },
    gflops: { forward: 1, gradInput: 2, gradFilter: 30 },
  };
  const setUp = { engine: "cpu", wanted: "auto", gpu: false, reasons: [] };
  const lineOf = (name: string, more: object) =>
    engineReportText({ ...report, setUp: { ...setUp, ...more } })
      .split("\n")
      .filter((line) => line.startsWith(name));

  it("has the libraries and the binding where the set-up says which", () => {
    expect(lineOf("libraries", { libraries: "CUDA 12" })).toEqual(["libraries     CUDA 12"]);
    expect(lineOf("binding", { binding: "4.22" })).toEqual(["binding       4.22"]);
    const names = engineReportText({ ...report, setUp }).split("\n").map((line) => line.slice(0, 14).trim()); // prettier-ignore
    expect(names.slice(-5)).toEqual(["grad filter", "asked for", "set up", "cache", ""]);
    expect(engineReportText({ ...report, setUp })).not.toContain("undefined");
  });
});
