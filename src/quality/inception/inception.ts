/** The Inception network that sample quality is measured by. */
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { readBytes } from "../../base/file-bytes.ts";
import { isNative } from "../../engine/kernels.ts";
import { tf } from "../../engine/tf.ts";
import { UsageError } from "../../base/errors.ts";
import type { InceptionForm } from "./form.ts";
import { frozenInception } from "./frozen-inception.ts";
import { safetensorsInception } from "./safetensors-inception.ts";

/** Features of some images, row-major. */
export interface InceptionFeatures {
  /** [B, dims] */
  readonly pool3: Float32Array;
  /** [B, classes] */
  readonly logits: Float32Array;
}

export interface Inception {
  /** Name of the file. */
  readonly name: string;
  /** SHA-256 of the file, hexadecimal. */
  readonly digest: string;
  /** Numbers of `pool_3`: 2048 in the published networks. */
  readonly dims: number;
  /** Numbers of the logits: 1008 in the published networks. */
  readonly classes: number;
  /**
   * Runs the network on all of the images at once.
   *
   * @param images In [0, 255], [B, H, W, C].
   * @param shape [H, W, C]; grey images (C = 1) get three equal channels.
   * @throws RangeError when C is neither 1 nor 3, or the values do not fit the shape or the range.
   */
  features(images: Uint8Array | Float32Array, shape: readonly number[]): InceptionFeatures;
  dispose(): void;
}

/** Features and logits of the network of December 2015. */
const PUBLISHED = { dims: 2048, classes: 1008 } as const;

export interface InceptionOptions {
  /** Runs the safetensors form as a graph; default: where the engine is native. */
  readonly compiled?: boolean;
  /** Refuses networks of other sizes than the published one; default true. */
  readonly published?: boolean;
}

export const CONVERSION =
  'python3 -c "import sys, torch, safetensors.torch as s; s.save_file(torch.load(sys.argv[1]), sys.argv[2])" ' +
  "pt_inception-2015-12-05-6726825d.pth inception.safetensors";

/** @throws UsageError when the network has not the size of the published one: its numbers would be no FID. */
function requirePublished({ dims, classes }: InceptionForm, path: string): void {
  if (dims === PUBLISHED.dims && classes === PUBLISHED.classes) return;
  throw new UsageError(
    `${path}: this network gives ${dims} features and ${classes} logits; the FID's Inception gives ${PUBLISHED.dims} and ${PUBLISHED.classes}`,
    "give the network of December 2015, see docs/guide/evaluation.md",
  );
}

/** Chooses the form by the file's first bytes. */
function open(bytes: Uint8Array, path: string, compiled: boolean): InceptionForm {
  const [first, second] = bytes;
  // A length of 8 bytes, then JSON.
  if (bytes[8] === 0x7b) return safetensorsInception(bytes, path, compiled);
  // Field 1 of a message, with a length.
  if (first === 0x0a) return frozenInception(bytes, path);
  if ((first === 0x50 && second === 0x4b) || first === 0x80) {
    throw new UsageError(`${path}: PyTorch's pickled files can run code, so they are not read`, CONVERSION);
  }
  // Field 1 of an ONNX model is its version, a small number.
  if (first === 0x08) {
    throw new UsageError(
      `${path}: this looks like an ONNX model, which is not supported`,
      "give the weights it was exported from as safetensors with pytorch-fid's names, see docs/guide/evaluation.md",
    );
  }
  throw new UsageError(
    `${path}: neither a safetensors file nor a frozen TensorFlow graph`,
    "give classify_image_graph_def.pb, or pytorch-fid's weights as safetensors; see docs/guide/evaluation.md",
  );
}

function values(images: Uint8Array | Float32Array, [H = 0, W = 0, C = 0, ...more]: readonly number[]) {
  const count = images.length / (H * W * C);
  if (more.length || (C !== 1 && C !== 3) || !Number.isInteger(count) || count < 1) {
    throw new RangeError(`Inception: ${images.length} values are no images [${[H, W, C, ...more]}] of 1 or 3 channels`);
  }
  const bad = images instanceof Uint8Array ? -1 : images.findIndex((value) => !(value >= 0 && value <= 255));
  if (bad >= 0) throw new RangeError(`Inception: a value is ${images[bad]}, not in [0, 255]`);
  const shape: [number, number, number, number] = [count, H, W, C];
  return { data: images instanceof Uint8Array ? Float32Array.from(images) : images, shape };
}

/**
 * Opens the Inception network of December 2015: TensorFlow's frozen graph, or pytorch-fid's weights as safetensors.
 *
 * @param path Its content decides, not its name.
 * @throws UsageError when the file cannot be read, is neither, or is of another network.
 */
export function loadInception(
  path: string,
  { compiled = isNative(), published = true }: InceptionOptions = {},
): Inception {
  let bytes: Uint8Array;
  try {
    bytes = readBytes(path);
  } catch (error) {
    throw new UsageError(`Inception network ${path} cannot be read: ${(error as Error).message}`, "check the path", {
      cause: error,
    });
  }
  const digest = createHash("sha256").update(bytes).digest("hex");
  const form = open(bytes, path, compiled);
  const { dims, classes, run, dispose } = form;
  try {
    if (published) requirePublished(form, path);
  } catch (error) {
    dispose();
    throw error;
  }
  return {
    name: basename(path),
    digest,
    dims,
    classes,
    features(images, shape) {
      const { data, shape: shape4d } = values(images, shape);
      const found = tf.tidy(() => {
        const x = tf.tensor4d(data, shape4d);
        return [...run(shape4d[3] === 1 ? tf.tile(x, [1, 1, 1, 3]) : x)];
      });
      const [pool3, logits] = found.map((tensor) => tensor.dataSync() as Float32Array) as [Float32Array, Float32Array];
      tf.dispose(found);
      return { pool3, logits };
    },
    dispose,
  };
}
