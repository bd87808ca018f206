import { expect, it } from "vitest";
import { resample, type ResampleFilter } from "../../../src/data/sources/resample.ts";

const image = Uint8Array.from({ length: 25 }, (_, at) => {
  const [i, j] = [Math.floor(at / 5), at % 5];
  return (37 * i + 91 * j + 11 * i * j) % 256;
});

// Image.fromarray(image).resize((size, size), ...) of Pillow 13.0.0.
const pillow: readonly [ResampleFilter, number, number[]][] = [
  [
    "cubic",
    7,
    [
      0, 43, 121, 179, 49, 42, 108, 15, 65, 154, 228, 89, 90, 171, 41, 103, 174, 196, 127, 121, 153, 67, 147, 157, 44,
      136, 102, 6, 92, 189, 206, 79, 197, 164, 55, 129, 140, 144, 133, 146, 145, 135, 158, 64, 45, 165, 56, 87, 190,
    ],
  ],
  [
    "linear",
    7,
    [
      0, 52, 117, 182, 64, 56, 108, 21, 77, 146, 216, 102, 99, 154, 48, 108, 162, 185, 129, 121, 139, 74, 139, 146, 44,
      125, 96, 14, 100, 170, 182, 86, 173, 149, 72, 127, 138, 141, 128, 142, 140, 130, 148, 79, 66, 162, 76, 99, 176,
    ],
  ],
  [
    "lanczos3",
    7,
    [
      0, 34, 135, 172, 47, 34, 107, 14, 50, 173, 236, 87, 84, 186, 41, 98, 185, 195, 126, 118, 157, 61, 152, 157, 44,
      137, 106, 0, 81, 207, 215, 65, 208, 175, 29, 131, 137, 143, 142, 145, 146, 146, 165, 55, 40, 165, 50, 79, 197,
    ],
  ],
  ["cubic", 3, [55, 153, 100, 126, 141, 108, 127, 126, 133]],
  ["linear", 3, [57, 150, 102, 122, 133, 108, 125, 129, 133]],
  ["lanczos3", 3, [55, 153, 96, 128, 152, 107, 128, 123, 132]],
];

it.each(pillow)("is that of Pillow: %s to %d pixels", (filter, size, expected) => {
  expect([...resample(image, [5, 5, 1], size, filter)]).toEqual(expected);
  const colour = Uint8Array.from({ length: 75 }, (_, at) => image[Math.floor(at / 3)]!);
  const three = resample(colour, [5, 5, 3], size, filter);
  for (let c = 0; c < 3; c++) expect([...three].filter((_, at) => at % 3 === c)).toEqual(expected);
});
