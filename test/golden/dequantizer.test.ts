import type { Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { tf } from "../../src/engine/tf.ts";
import { bitsPerDimOf } from "../../src/likelihood/bits-per-dim.ts";
import { columnFirstConv } from "../../src/models/flowpp/affine.ts";
import { splitColumns } from "../../src/models/flowpp/columns.ts";
import { mixtureCoupling } from "../../src/models/flowpp/coupling.ts";
import { flowppDequantizer, standardNormalLogDensity } from "../../src/models/flowpp/dequantizer.ts";
import { FORMS } from "../../src/models/flowpp/form.ts";
import { initializeFromData } from "../../src/models/flowpp/initialize.ts";
import { imageProcessor } from "../../src/models/flowpp/processor.ts";
import { layoutOf, valuesOf } from "../../src/models/parameters.ts";
import { Scope } from "../../src/models/scope.ts";
import { inverseMixtureLogit, mixtureLogCdf, mixtureLogit, mixtureLogPdf } from "../../src/ops/logistic-mixture.ts";
import { normal } from "../support/tensors.ts";
import { maxAbs } from "./allclose.ts";
import { tensorOf } from "./components.ts";
import { describeFamily, directory, type GoldenCase } from "./golden.ts";
import { flowOf, formOf, lossOf, parametersOf } from "./flows.ts";
import { flatParameters } from "./reference-config.ts";
import { gradientTolerance, networkOutput, trainingLoss } from "./tolerances.ts";

const read = (t: Tensor) => t.dataSync() as Float32Array;
const difference = (a: Float32Array, b: Float32Array) => a.map((value, i) => value - b[i]!);
const image4 = (golden: GoldenCase, name: string) => tensorOf(golden, name) as Tensor4D;
const output = (golden: GoldenCase, name: string) => ({ atol: networkOutput() * maxAbs(golden.f32(name)) });

function flowTest(golden: GoldenCase): void {
  it(`${golden.name}: has the reference's parameters`, () => {
    flatParameters(golden, layoutOf(flowOf(golden).dequantizer.parameters), "params/");
  });

  it(`${golden.name}: noise and -log q(u|x)`, () => {
    tf.tidy(() => {
      const { dequantizer, shape } = flowOf(golden);
      const context = { parameters: parametersOf(golden) };
      const { u, negLogQ } = dequantizer.apply(context, image4(golden, "eps"), image4(golden, "x"));
      expect(read(u)).toBeAllclose(golden.f32("u"), output(golden, "u"));
      expect(read(negLogQ)).toBeAllclose(golden.f32("sldj"), output(golden, "sldj"));
      const dims = shape.reduce((a, b) => a * b, 1);
      const correction = read(negLogQ).map((value) => -value / Math.LN2 / dims);
      expect(correction).toBeAllclose(golden.f32("bpd_d"), output(golden, "bpd_d"));
    });
  });

  it(`${golden.name}: the inverse finds the noise`, () => {
    tf.tidy(() => {
      const u = image4(golden, "u");
      const context = { parameters: parametersOf(golden) };
      const { noise, logDet } = flowOf(golden).dequantizer.inverse(context, u, image4(golden, "x"));
      // The reference's own bisection misses the noise by this much.
      const missed = maxAbs(difference(golden.f32("inv_eps"), golden.f32("eps")));
      const atol = output(golden, "inv_eps").atol + missed;
      expect(read(noise)).toBeAllclose(golden.f32("eps"), { atol });
      expect(read(noise)).toBeAllclose(golden.f32("inv_eps"), { atol });
      // The reference subtracts log N of its input, which means nothing here.
      const term = read(tf.sub(logDet, standardNormalLogDensity(u)));
      expect(term).toBeAllclose(golden.f32("inv_logd"), output(golden, "inv_logd"));
    });
  });

  it(`${golden.name}: parameters start with the reference's spreads`, () => {
    const { dequantizer, shape } = flowOf(golden);
    const noise = Number(/data-dependent init \(PRNG\) \+ ([\d.]+)\*N\(0,1\)/.exec(golden.entry.notes!)![1]);
    // The case's images, repeated to a batch of some size; the parameters do not tell which images they started from.
    const [x, repeats] = [golden.f32("x"), 16];
    const image = Float32Array.from({ length: repeats * x.length }, (_, i) => x[i % x.length]!);
    const eps = normal(image.length, shape[0]);
    const flat = initializeFromData(dequantizer, shape[1], eps, image);
    const rms = (values: Float32Array) => Math.hypot(...values) / Math.sqrt(values.length);
    let compared = 0;
    for (const slot of layoutOf(dequantizer.parameters).slots) {
      const theirs = rms(golden.f32(`params/${slot.name}`));
      // Biases start near 0, and what the noise hides or a few draws decide tells nothing.
      if (slot.name.endsWith("_b") || slot.size < 200 || theirs < 2 * noise) continue;
      const ratio = rms(valuesOf(flat, slot)) / Math.sqrt(theirs ** 2 - noise ** 2);
      expect(Math.abs(Math.log(ratio)), slot.name).toBeLessThan(0.35);
      compared++;
    }
    expect(compared).toBeGreaterThan(10);
  });

  if (!golden.has("context")) return;
  it(`${golden.name}: features of the image, and one coupling`, () => {
    tf.tidy(() => {
      const { form, shape, sizes } = flowOf(golden);
      const [H, W, C] = shape;
      const context = { parameters: parametersOf(golden) };
      const features = imageProcessor(Scope.root(), shape, FORMS[form])(context, image4(golden, "x"));
      expect(features.shape).toEqual(golden.shape("context"));
      expect(read(features)).toBeAllclose(golden.f32("context"), output(golden, "context"));
      const coupling = mixtureCoupling(Scope.root(), [H, W / 2, C], FORMS[form], sizes);
      const { halves, logDet } = coupling.forward(context, splitColumns(image4(golden, "eps")), features);
      expect(read(halves[0])).toEqual(golden.f32("coupling0_a"));
      expect(read(halves[1])).toBeAllclose(golden.f32("coupling0_b"), output(golden, "coupling0_b"));
      expect(read(logDet)).toBeAllclose(golden.f32("coupling0_logd"), output(golden, "coupling0_logd"));
    });
  });
}

const mean = (values: Float32Array) => values.reduce((a, b) => a + b, 0) / values.length;

function lossTest(golden: GoldenCase): void {
  const variants = golden.names("loss_").map((name) => name.split("_") as [string, string]);
  it.each(variants)(`${golden.name}: loss and bits/dim, %s, %s`, async (times, ending) => {
    const { loss, draws, flat, parameters, centered, dims } = lossOf(golden, times === "iw", ending === "off");
    const [own, score] = [tf.tensor1d(flat), tf.tensor1d(parameters)];
    try {
      const value = mean(await loss.losses(own, score, draws));
      expect(value).toBeAllclose(golden.number(`loss_${times}_${ending}`), trainingLoss());
      const bits = bitsPerDimOf(-value, dims, { levels: 256, centered });
      expect(bits).toBeAllclose(golden.number(`bpd_${times}_${ending}`), trainingLoss());
    } finally {
      tf.dispose([own, score]);
      loss.dispose();
    }
  });

  it(`${golden.name}: gradients`, { timeout: 60_000 }, async () => {
    const names = golden.names("grads/");
    const [, times, ending] = /loss_([a-z]+)_([a-z]+)/.exec(golden.entry.tensors[`grads/${names[0]}`]!.what)!;
    const { loss, draws, flat, parameters } = lossOf(golden, times === "iw", ending === "off");
    const [own, score] = [tf.tensor1d(flat) as Tensor1D, tf.tensor1d(parameters)];
    try {
      const { losses, gradient } = await loss.lossAndGradient(own, score, draws);
      expect(mean(losses)).toBeAllclose(golden.number(`loss_${times}_${ending}`), trainingLoss());
      expect([...names].sort()).toEqual(loss.layout.slots.map((slot) => slot.name));
      const values = read(gradient);
      for (const slot of loss.layout.slots) {
        const name = `grads/${slot.name}`;
        expect(valuesOf(values, slot), name).toBeAllclose(golden.f32(name), gradientTolerance(golden, name));
      }
      gradient.dispose();
    } finally {
      tf.dispose([own, score]);
      loss.dispose();
    }
  });
}

function logisticTest(golden: GoldenCase): void {
  it(`${golden.name}: ${golden.entry.description}`, () => {
    tf.tidy(() => {
      const x = tensorOf(golden, "x");
      const [logits, means, logScales] = ["logits", "means", "logscales"].map((name) => tensorOf(golden, name)) as [
        Tensor,
        Tensor,
        Tensor,
      ];
      const mixture = { logits, means, logScales };
      expect(read(mixtureLogPdf(x, mixture))).toBeAllclose(golden.f32("logpdf"), output(golden, "logpdf"));
      expect(read(mixtureLogCdf(x, mixture))).toBeAllclose(golden.f32("logcdf"), output(golden, "logcdf"));
      const inverse = read(inverseMixtureLogit(mixtureLogit(x, mixture).logit, mixture));
      const missed = maxAbs(difference(golden.f32("invcdf"), golden.f32("x")));
      expect(inverse).toBeAllclose(golden.f32("x"), { atol: output(golden, "x").atol + missed });
    });
  });
}

function convTest(golden: GoldenCase): void {
  it(`${golden.name}: ${golden.entry.description}`, () => {
    tf.tidy(() => {
      const scope = Scope.root();
      const [inputs, outputs] = golden.shape("W").slice(-2) as [number, number];
      const layer = columnFirstConv(scope, "conv", { inputs, outputs });
      const parameters = Object.fromEntries(
        scope.specs().map(({ name }) => [name, tensorOf(golden, name.replace("conv_", ""))]),
      );
      const y = layer({ parameters }, image4(golden, "x"));
      expect(read(y)).toBeAllclose(golden.f32("y"), output(golden, "y"));
    });
  });
}

const COMPONENTS: Record<string, (golden: GoldenCase) => void> = {
  component_logistic: logisticTest,
  component_flow_conv: convTest,
};

describeFamily("dequantizer", (cases) => {
  for (const golden of cases) {
    if (COMPONENTS[golden.name]) COMPONENTS[golden.name]!(golden);
    else if (golden.names("loss_").length) lossTest(golden);
    else if (golden.has("sldj")) flowTest(golden);
    else it(golden.name, () => void expect.fail(`the test knows no case "${golden.name}"`));
  }

  const file = join(directory, "param_trees.json");
  const trees = JSON.parse(readFileSync(file, "utf8")) as Record<string, Tree>;
  const flows = Object.entries(trees).filter(([name]) => name.startsWith("flowpp."));
  it.each(flows)("%s at full size: names, shapes and number of parameters", (_name, { params, total_parameters }) => {
    const size = params[Object.keys(params).find((name) => name.endsWith("norm0_g"))!]!;
    const [H, half, C] = size as [number, number, number];
    const { parameters } = flowppDequantizer(formOf(Object.keys(params)), [H, 2 * half, C]);
    expect(Object.fromEntries(parameters.map(({ name, shape }) => [name, shape]))).toEqual(params);
    expect(layoutOf(parameters).count).toBe(total_parameters);
  });
});

interface Tree {
  readonly total_parameters: number;
  readonly params: Readonly<Record<string, readonly number[]>>;
}
