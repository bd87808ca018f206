import { readNpz } from "../../data/formats/npz.ts";
import { UsageError } from "../../base/errors.ts";
import { examplesOf, type LoadedExamples } from "../../data/examples.ts";

const REMEDY = "give an npz file with bytes [N, H, W, C] named samples, as --mode sample writes it, or arr_0";

/**
 * Reads images, bytes [N, H, W, C], from an npz file.
 *
 * @throws UsageError when there are none in it, or it cannot be read.
 * @see the reference's run_lib.py (samples), guided-diffusion's evaluator (arr_0)
 */
export async function readSamples(path: string): Promise<LoadedExamples> {
  try {
    const arrays = await readNpz(path, ["samples", "arr_0"]);
    const found = arrays.get("samples") ?? arrays.get("arr_0");
    if (!found) throw new UsageError(`${path}: it has neither samples nor arr_0`, REMEDY);
    const [, ...shape] = found.shape;
    if (found.data instanceof Uint8Array && shape.length === 3) return examplesOf(found.data, shape);
    throw new UsageError(
      `${path}: the samples must be bytes [N, H, W, C], but their shape is [${found.shape}]`,
      REMEDY,
    );
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`quality.samples ${path} cannot be read: ${(error as Error).message}`, REMEDY, {
      cause: error,
    });
  }
}
