/** The image of a set that differs least from a given one, pixel by pixel. */
import type { Tensor2D } from "@tensorflow/tfjs";
import type { ImageDataset } from "../data/dataset.ts";
import { mirrored } from "../data/mirror.ts";
import { tf } from "../engine/tf.ts";
import { squaredDistances } from "../ops/squared-distances.ts";

/** The nearest image of each wanted one, among those that were searched. */
export interface Nearest {
  /** Images that were searched. */
  readonly searched: number;
  /** Place of the nearest one among them, [M]. */
  readonly index: Uint32Array;
  /** Root of the mean squared difference of the bytes, [M]. */
  readonly distance: Float64Array;
  /** The nearest ones themselves, mirrored where they are nearer so, [M, H, W, C]. */
  readonly images: Uint8Array;
}

/** Bytes around their middle: smaller numbers round less. */
function centred(bytes: Uint8Array, width: number): Tensor2D {
  const values = new Float32Array(bytes.length);
  for (let i = 0; i < values.length; i++) values[i] = bytes[i]! - 127.5;
  return tf.tensor2d(values, [bytes.length / width, width]);
}

/** Sum of the squared differences of two images, exact. */
function squares(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return sum;
}

/**
 * Looks for the images nearest to `wanted`, part by part of a set.
 *
 * The engine finds the nearest of a part, whose distance is then computed exactly: copies have distance 0.
 */
export class NearestSearch {
  readonly #wanted: Uint8Array;
  readonly #queries: Tensor2D;
  readonly #shape: ImageDataset["shape"];
  readonly #size: number;
  #found: Nearest;

  /**
   * @param wanted Bytes, [M, H, W, C].
   * @param options.mirror Compare with the images mirrored left to right too.
   */
  constructor(wanted: Uint8Array, shape: ImageDataset["shape"], { mirror: both }: { readonly mirror: boolean }) {
    const size = shape[0] * shape[1] * shape[2];
    const count = wanted.length / size;
    this.#wanted = both ? Buffer.concat([wanted, mirrored(wanted, shape)]) : wanted;
    [this.#shape, this.#size] = [shape, size];
    this.#queries = centred(this.#wanted, size);
    this.#found = {
      searched: 0,
      index: new Uint32Array(count),
      distance: new Float64Array(count).fill(Infinity),
      images: new Uint8Array(wanted.length),
    };
  }

  /** Searches the next images, [N, H, W, C]. @returns The nearest so far. */
  async add(part: Uint8Array): Promise<Nearest> {
    const nearest = tf.tidy(() => tf.argMin(squaredDistances(this.#queries, centred(part, this.#size)), 1));
    const places = await nearest.data();
    nearest.dispose();
    const [size, { searched, ...before }] = [this.#size, this.#found];
    const [index, distance, images] = [before.index.slice(), before.distance.slice(), before.images.slice()];
    places.forEach((place, query) => {
      const i = query % index.length;
      const image = part.subarray(place * size, (place + 1) * size);
      const sum = squares(this.#wanted.subarray(query * size, (query + 1) * size), image);
      const found = Math.sqrt(sum / size);
      if (found >= distance[i]!) return;
      [index[i], distance[i]] = [searched + place, found];
      // A query beyond the wanted ones is a mirrored one.
      images.set(query < index.length ? image : mirrored(image, this.#shape), i * size);
    });
    return (this.#found = { searched: searched + part.length / size, index, distance, images });
  }

  dispose(): void {
    this.#queries.dispose();
  }
}
