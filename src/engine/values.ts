/** Reading long tensors without the new memory that `dataSync` takes at each call. */
import type { Tensor } from "@tensorflow/tfjs";
import { isNative, nativeBackend } from "./kernels.ts";

/** The binding of the set-up, and the tensor's number there; undefined with other engines. */
function ownBinding(tensor: Tensor) {
  const backend = isNative() ? nativeBackend() : undefined;
  if (!backend?.binding.readTensor) return undefined;
  return { binding: backend.binding as Required<typeof backend.binding>, id: backend.getInputTensorIds([tensor])[0]! };
}

/**
 * Reads a float32 tensor into memory that is there already.
 *
 * @param values As long as the tensor.
 * @returns `values`.
 * @throws Error when it has another length or the tensor another type.
 */
export function readInto(tensor: Tensor, values: Float32Array): Float32Array {
  const own = ownBinding(tensor);
  if (own) own.binding.readTensor(own.id, values);
  else {
    const read = tensor.dataSync();
    if (!(read instanceof Float32Array) || read.length !== values.length) {
      throw new Error(`expected a Float32Array of ${tensor.size} values`);
    }
    values.set(read);
  }
  return values;
}

/** Values that are a tensor's own memory, not to be written to. */
export interface Lent {
  readonly values: Float32Array;
  /** They are not read any more: there are none. */
  readonly takeBack: () => void;
}

/** The values of a float32 tensor where they are, also once it is disposed; with a GPU or another engine a copy. */
export function lend(tensor: Tensor): Lent {
  const own = ownBinding(tensor);
  if (!own) return { values: tensor.dataSync() as Float32Array, takeBack: () => {} };
  const buffer = own.binding.lendTensor(own.id);
  return { values: new Float32Array(buffer), takeBack: () => own.binding.takeBack(buffer) };
}
