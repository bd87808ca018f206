import { BadDataError } from "../sources/bad-data.ts";
import { pixelsOf, shapeText, type SourceEntry, type Picture, type Shape } from "../sources/source.ts";
import type { ShardData } from "./shard-file.ts";

/** Most classes there can be: counts of them are kept. */
const MAX_CLASSES = 1 << 20;

const WITHOUT = "leave labels out with --label-column none, or what is bad with --skip-bad";

/** Collects pictures of one shape until a shard is full. */
export class ShardBuilder {
  readonly shape: Shape;
  readonly labelled: boolean;
  readonly capacity: number;
  readonly #classes: number;
  #images: Uint8Array;
  #labels: Int32Array;
  #count = 0;

  /** @param classes Labels lie below. */
  constructor(shape: Shape, labelled: boolean, shardBytes: number, classes = MAX_CLASSES) {
    this.shape = shape;
    this.labelled = labelled;
    this.capacity = Math.max(1, Math.floor(shardBytes / pixelsOf(shape)));
    this.#classes = classes;
    this.#images = new Uint8Array(this.capacity * pixelsOf(shape));
    this.#labels = new Int32Array(this.capacity);
  }

  get count(): number {
    return this.#count;
  }

  get full(): boolean {
    return this.#count === this.capacity;
  }

  /** Returns the fault that keeps a picture out; undefined when it fits. */
  fault({ name, label }: SourceEntry, { shape, data }: Picture): BadDataError | undefined {
    const [expected, found] = [shapeText(this.shape), shapeText(shape)];
    if (expected !== found) {
      return new BadDataError(name, `wrong size: ${found}, expected ${expected}; --size makes all images of one size`);
    }
    if (data.length !== pixelsOf(shape)) {
      return new BadDataError(name, `cut short: ${data.length} of ${pixelsOf(shape)} values`);
    }
    if ((label !== undefined) !== this.labelled) {
      const reason = this.labelled ? "it has no label, others have" : "it has a label, others have none";
      return new BadDataError(name, reason, { remedy: WITHOUT });
    }
    if (label === undefined || (Number.isInteger(label) && label >= 0 && label < this.#classes)) return undefined;
    const reason = `its label is ${label}, expected 0 to ${this.#classes - 1}`;
    return new BadDataError(name, reason, { remedy: WITHOUT });
  }

  add({ label = 0 }: SourceEntry, { data }: Picture): void {
    this.#images.set(data, this.#count * pixelsOf(this.shape));
    this.#labels[this.#count++] = label;
  }

  /** Returns the collected images. The next shard gets memory of its own, since this one may still be being written. */
  take(): ShardData {
    const images = this.#images.subarray(0, this.#count * pixelsOf(this.shape));
    const labels = this.labelled ? this.#labels.subarray(0, this.#count) : undefined;
    this.#images = new Uint8Array(this.#images.length);
    this.#labels = new Int32Array(this.capacity);
    this.#count = 0;
    return { shape: this.shape, images, labels };
  }
}
