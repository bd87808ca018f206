import type { Picture, Shape } from "./source.ts";

/** Pixels [C, H, W] put as [H, W, C]. */
export function fromPlanes(data: Uint8Array, [height, width, channels]: Shape): Uint8Array {
  const plane = height * width;
  if (channels === 1) return data;
  const out = new Uint8Array(plane * channels);
  for (let c = 0; c < channels; c++) {
    for (let from = c * plane, to = c; to < out.length; from++, to += channels) out[to] = data[from]!;
  }
  return out;
}

/** Pixels of three axes of any order as a picture: its axis i is axis `order[i]` of `dims`. */
export function arranged(data: Uint8Array, dims: readonly number[], order: readonly number[]): Picture {
  const strides = [dims[1]! * dims[2]!, dims[2]!, 1];
  const [height, width, channels] = order.map((axis) => dims[axis]!) as [number, number, number];
  const [down, across, deep] = order.map((axis) => strides[axis]!) as [number, number, number];
  const out = new Uint8Array(data.length);
  let to = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) out[to++] = data[y * down + x * across + c * deep]!;
    }
  }
  return { data: out, shape: [height, width, channels] };
}

/** Pixels [C, W, H], as column-major files keep [H, W, C], put as [H, W, C]. */
export function fromColumns(data: Uint8Array, [height, width, channels]: Shape): Uint8Array {
  const out = new Uint8Array(data.length);
  let from = 0;
  for (let c = 0; c < channels; c++) {
    for (let x = 0; x < width; x++) {
      for (let y = 0; y < height; y++) out[(y * width + x) * channels + c] = data[from++]!;
    }
  }
  return out;
}
