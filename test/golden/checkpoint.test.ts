import type { Tensor1D, Tensor4D } from "@tensorflow/tfjs";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { parseFlax } from "../../src/data/formats/flax-msgpack.ts";
import { toSafetensor } from "../../src/data/formats/named-array.ts";
import { tf } from "../../src/engine/tf.ts";
import { ncsnpp } from "../../src/models/ncsnpp.ts";
import { layoutOf, unflatten } from "../../src/models/parameters.ts";
import { openCheckpoint, saveCheckpoint } from "../../src/training/checkpoints/checkpoint-formats.ts";
import {
  openFlaxCheckpoint,
  readFlaxCheckpoint,
  saveFlaxCheckpoint,
} from "../../src/training/checkpoints/flax-checkpoint.ts";
import { toStateDict } from "../../src/training/checkpoints/state-dict.ts";
import { maxAbs } from "./allclose.ts";
import { describeFamily, directory, type CaseEntry, type Config, type GoldenCase } from "./golden.ts";
import { networkConfig } from "./reference-config.ts";
import { tensorOf } from "./components.ts";
import { networkOutput } from "./tolerances.ts";

type Shape = readonly number[];

/** The file that the description begins with. */
const fileOf = ({ entry }: GoldenCase) => join(directory, /^file (\S+?):/.exec(entry.description)![1]!);

/** Shape and NumPy's dtype of everything in the file, by name. */
const layoutIn = ({ entry }: GoldenCase) =>
  (entry as CaseEntry & { readonly state_dict_layout: Record<string, [Shape, string]> }).state_dict_layout;

const DTYPES: Readonly<Record<string, string>> = { F32: "float32", I32: "int32", U32: "uint32" };
const STATE = "state_dict/";

function temporaryFile(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), "scorestream-golden-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, name);
}

describeFamily("checkpoint", (cases) => {
  describe.each(cases.map((golden) => [golden.name, golden] as const))("%s", (_, golden) => {
    const model = ncsnpp(networkConfig(golden.config));
    const layout = layoutOf(model.parameters);

    it("has the names, shapes and types of the reference's training state", () => {
      const tree = [...parseFlax(readFileSync(fileOf(golden)))].flatMap(([name, array]) =>
        array ? [[name, [array.shape, DTYPES[array.dtype]]] as const] : [],
      );
      expect(Object.fromEntries(tree)).toEqual(layoutIn(golden));
    });

    it("is read bit for bit", () => {
      const stored = openFlaxCheckpoint(fileOf(golden), layout);
      expect(stored.snapshot.step).toBe(golden.number("step"));
      const dict = toStateDict(stored);
      const whole = golden.names().filter((name) => dict.get(name));
      const names = [...whole, ...golden.names(STATE).map((name) => STATE + name)];
      expect(whole).toContain("rng");
      expect(names.length).toBeGreaterThan(whole.length);
      for (const name of names) {
        const array = dict.get(name.startsWith(STATE) ? name.slice(STATE.length) : name);
        expect(array && toSafetensor(array), name).toEqual(golden.tensor(name));
      }
    });

    it.each(["arrow", "safetensors"] as const)("comes back from %s as the same file", async (format) => {
      const [between, again] = [temporaryFile("between"), temporaryFile("again")];
      await saveCheckpoint(between, format, openFlaxCheckpoint(fileOf(golden)));
      await saveFlaxCheckpoint(again, await openCheckpoint(between, format));
      expect(readFileSync(again).equals(readFileSync(fileOf(golden)))).toBe(true);
    });

    it.each([
      ["ema", "y_ema"],
      ["parameters", "y_raw"],
    ] as const)("gives the reference's output with %s", (vector, output) => {
      const flat = readFlaxCheckpoint(fileOf(golden), layout)[vector];
      tf.tidy(() => {
        const parameters = unflatten(layout, tf.tensor1d(flat));
        const [x, labels] = [tensorOf(golden, "x") as Tensor4D, tensorOf(golden, "labels") as Tensor1D];
        const y = model.apply({ parameters }, x, labels);
        const expected = golden.f32(output);
        expect(y.dataSync()).toBeAllclose(expected, { atol: networkOutput() * maxAbs(expected) });
      });
    });
  });
});

interface Tree {
  readonly total_parameters: number;
  readonly config?: Config;
  readonly params: Readonly<Record<string, Shape>>;
}

describe("golden param_trees.json", () => {
  const trees = JSON.parse(readFileSync(join(directory, "param_trees.json"), "utf8")) as object;
  const networks = Object.entries(trees as Record<string, Tree>).filter(([, tree]) => tree.config);

  it("has networks", () => expect(networks.length).toBeGreaterThan(0));

  it.each(networks)("%s: the full-size network has its names and shapes", (_, { config, params, ...tree }) => {
    const { slots, count } = layoutOf(ncsnpp(networkConfig(config!)).parameters);
    expect(Object.fromEntries(slots.map(({ name, shape }) => [name, shape]))).toEqual(params);
    expect(count).toBe(tree.total_parameters);
  });
});
