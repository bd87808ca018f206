import type { Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs";
import { expect, it } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import { dropout } from "../../src/models/layers.ts";
import { ncsnpp } from "../../src/models/ncsnpp.ts";
import { layoutOf, valuesOf } from "../../src/models/parameters.ts";
import { initialize, Scope } from "../../src/models/scope.ts";
import { maxAbs } from "./allclose.ts";
import { COMPONENTS, tensorOf } from "./components.ts";
import { describeFamily, type GoldenCase } from "./golden.ts";
import { flatParameters, networkConfig } from "./reference-config.ts";
import { gradientTolerance, networkOutput } from "./tolerances.ts";

const read = (t: Tensor) => t.dataSync() as Float32Array;

function networkTest(golden: GoldenCase): void {
  it(`${golden.name}: output and gradients`, { timeout: 60_000 }, () => {
    const model = ncsnpp(networkConfig(golden.config));
    const layout = layoutOf(model.parameters);
    const flat = flatParameters(golden, layout, "params/");
    tf.tidy(() => {
      const values = layout.slots.map((slot) => tf.tensor(valuesOf(flat, slot), [...slot.shape]));
      const labels = tensorOf(golden, "labels") as Tensor1D;
      const cotangent = tensorOf(golden, "cotangent");
      let y: Float32Array | undefined;
      const { value, grads } = tf.valueAndGrads((x: Tensor, ...tensors: Tensor[]) => {
        const parameters = Object.fromEntries(layout.slots.map(({ name }, i) => [name, tensors[i]!]));
        const out = model.apply({ parameters }, x as Tensor4D, labels);
        y = read(out);
        return tf.sum(tf.mul(out, cotangent));
      })([tensorOf(golden, "x"), ...values]);

      const expected = golden.f32("y");
      const atol = networkOutput() * maxAbs(expected);
      expect(y).toBeAllclose(expected, { atol });
      const length = Math.hypot(...golden.f32("cotangent"));
      expect(read(value)).toBeAllclose(golden.f32("loss"), { atol: atol * length });

      const names = ["grad_x", ...layout.slots.map(({ name }) => `grads/${name}`)];
      expect(
        golden
          .names("grads/")
          .map((name) => `grads/${name}`)
          .sort(),
      ).toEqual(names.slice(1).sort());
      names.forEach((name, i) => {
        const target = golden.f32(name);
        expect(read(grads[i]!), name).toBeAllclose(target, gradientTolerance(golden, name));
      });
    });
  });
}

/** Both are draws of the same uniform distribution: same names, shapes and bounds, and equal spread. */
function initTest(golden: GoldenCase): void {
  it(`${golden.name}: parameters start with the reference's distributions`, () => {
    const { parameters } = ncsnpp(networkConfig(golden.config));
    flatParameters(golden, layoutOf(parameters), "params/");
    for (const spec of parameters) {
      const theirs = golden.f32(`params/${spec.name}`);
      const ours = initialize(spec, golden.config.seed);
      if (spec.init.kind === "zeros" || spec.init.kind === "ones") {
        expect(ours, spec.name).toEqual(theirs);
        continue;
      }
      const rms = (values: Float32Array) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);
      // Five standard deviations of the ratio of two sample spreads of a uniform distribution.
      const spread = 5 * Math.sqrt(0.4 / ours.length);
      expect(Math.abs(Math.log(rms(ours) / rms(theirs))), spec.name).toBeLessThan(spread);
      expect(maxAbs(ours), spec.name).toBeLessThan(maxAbs(theirs) * (1 + 10 / ours.length));
      expect(maxAbs(theirs), spec.name).toBeLessThan(maxAbs(ours) * (1 + 10 / ours.length));
    }
  });
}

function dropoutTest(golden: GoldenCase): void {
  it(`${golden.name}: kept values are the reference's, in the same proportion`, () => {
    const rate = Number(/Dropout\(([\d.]+)\)/.exec(golden.entry.reference_functions[0]!)![1]);
    const [mask, expected] = [golden.u8("mask"), golden.f32("y")];
    const layer = dropout(Scope.root(), rate);
    let kept = 0;
    const draws = 200;
    for (let seed = 0; seed < draws; seed++) {
      const y = tf.tidy(() =>
        read(
          layer({ parameters: {}, dropoutSeed: tf.tensor1d([1, seed], "int32") }, tensorOf(golden, "x") as Tensor4D),
        ),
      );
      const both = [...y.keys()].filter((i) => y[i] !== 0 && mask[i]);
      kept += y.filter((value) => value !== 0).length;
      const at = (values: Float32Array) => both.map((i) => values[i]!);
      expect(at(y)).toBeAllclose(at(expected), { rtol: 2 ** -22 });
    }
    const count = draws * expected.length;
    expect(Math.abs(kept / count - (1 - rate))).toBeLessThan(5 * Math.sqrt((rate * (1 - rate)) / count));
  });
}

function componentTest(golden: GoldenCase): void {
  const build = COMPONENTS[golden.name];
  it(`${golden.name}: ${golden.entry.description}`, () => {
    if (!build) throw new Error(`the test knows no component "${golden.name}"`);
    tf.tidy(() => {
      const inputs = /^(x|w|W|temb|timesteps|log_sigma|params\/.*)$/;
      const results = build(golden);
      expect(Object.keys(results).sort()).toEqual(
        golden
          .names()
          .filter((name) => !inputs.test(name))
          .sort(),
      );
      for (const [name, value] of Object.entries(results)) {
        const expected = golden.f32(name);
        expect(value.shape, name).toEqual(golden.shape(name));
        // Sines of times in the hundreds: float32 rounds their arguments.
        const rounding = name.startsWith("emb") ? 2 ** -23 * maxAbs(golden.f32("timesteps")) : 0;
        expect(read(value), name).toBeAllclose(expected, { atol: networkOutput() * maxAbs(expected) + rounding });
      }
    });
  });
}

describeFamily("model", (cases) => {
  for (const golden of cases) {
    if (golden.name === "init") initTest(golden);
    else if (golden.name === "component_dropout") dropoutTest(golden);
    else if (golden.name.startsWith("component_")) componentTest(golden);
    else networkTest(golden);
  }
});
