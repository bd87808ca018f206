/**
 * A trained model without the command line: its bits/dim, samples, and the flow there and back.
 *
 * node scripts/run.mjs examples/library.ts runs/cifar10
 */
import { argv } from "node:process";
import { loadModel } from "scorestream";

const model = await loadModel(argv[2] ?? "runs/cifar10");
try {
  const images = await model.sample(2);
  console.log(`${images.length} bytes: 2 images of [${model.shape.join(", ")}] after ${model.step} steps`);
  console.log(`bits/dim ${[...(await model.bitsPerDim(images))].map((bits) => bits.toFixed(2)).join(", ")}`);
  const latents = await model.encode(images);
  const back = await model.decode(latents);
  const furthest = images.reduce((most, value, i) => Math.max(most, Math.abs(value - back[i]!)), 0);
  console.log(`encoded and decoded: no pixel is further off than ${furthest} of 255`);
} finally {
  model.dispose();
}
