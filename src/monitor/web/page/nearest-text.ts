/** What the distances of samples and of test images to the training come to. */
import type { NearestImages } from "../../../metrics/nearest-images.ts";
import { number } from "./format.ts";

/** Places of the samples, the nearest first. */
export const byDistance = ({ samples }: NearestImages): number[] =>
  samples.map((_, place) => place).sort((a, b) => samples[a]!.distance - samples[b]!.distance || a - b);

const rounded = (value: number) => number(Number(value.toPrecision(3)));

function range(values: readonly number[]): string {
  const middle = [...values].sort((a, b) => a - b)[values.length >> 1]!;
  return `${rounded(Math.min(...values))} to ${rounded(Math.max(...values))}, median ${rounded(middle)}`;
}

/** A few sentences. */
export function nearestText({ step, searched, of, mirrored, samples, test }: NearestImages): string {
  const distances = samples.map(({ distance }) => distance);
  const among =
    searched < of ? `${searched.toLocaleString("en")} of ${of.toLocaleString("en")}` : of.toLocaleString("en");
  const nearer = distances.filter((distance) => distance < Math.min(...test)).length;
  return [
    `Step ${step.toLocaleString("en")}: root mean square of the difference in grey levels (of 255) to the nearest of ${among} training images${mirrored ? ", mirrored or not" : ""}.`, // prettier-ignore
    `Samples: ${range(distances)}. ${test.length} test images: ${range(test)}.`,
    nearer === 0
      ? "No sample is nearer than every test image."
      : `${nearer} of ${samples.length} samples ${nearer === 1 ? "is" : "are"} nearer than every test image: they may be remembered, or plain.`, // prettier-ignore
  ].join(" ");
}
