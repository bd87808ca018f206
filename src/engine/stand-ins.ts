/** Tensors while a function is recorded: only their shapes matter, so those of one shape can share one memory. */
import type { Binding, OutputInfo } from "./binding.ts";

/** Float tensors of more elements than this get a stand-in; smaller ones may be read as shapes, indices or seeds. */
const LARGEST_KEPT = 1024;
const FLOAT = 1;

/**
 * A binding whose results of one shape are one tensor with arbitrary values.
 *
 * A training step that runs eagerly holds every activation at once, much more than the graph made of it will need.
 */
export class StandIns {
  readonly #binding: Binding;
  /** TensorFlow's number of a tensor by the number handed out; those handed out are negative. */
  readonly #real = new Map<number, number>();
  readonly #shared = new Map<string, number>();
  #next = -1;

  constructor(binding: Binding) {
    this.#binding = binding;
  }

  #handOut(real: number): number {
    this.#real.set(this.#next, real);
    return this.#next--;
  }

  create(shape: number[], dtype: number, values: ArrayLike<number> & ArrayBufferView): number {
    return this.#handOut(this.#binding.createTensor(shape, dtype, values));
  }

  execute(...[name, attributes, inputs, outputs]: Parameters<Binding["executeOp"]>): OutputInfo[] {
    const ids = inputs.map((id) => this.#real.get(id) ?? id);
    return this.#binding.executeOp(name, attributes, ids, outputs).map((result) => {
      const { dtype, shape, id } = result;
      if (dtype !== FLOAT || shape.reduce((a, b) => a * b, 1) <= LARGEST_KEPT) {
        return { ...result, id: this.#handOut(id) };
      }
      const key = shape.join();
      const shared = this.#shared.get(key);
      if (shared === undefined) this.#shared.set(key, id);
      else this.#binding.deleteTensor(id);
      return { ...result, id: this.#handOut(shared ?? id) };
    });
  }

  delete(id: number): void {
    const real = this.#real.get(id) ?? id;
    this.#real.delete(id);
    if (![...this.#shared.values()].includes(real)) this.#binding.deleteTensor(real);
  }

  /** Frees the tensors that were shared. */
  dispose(): void {
    for (const id of this.#shared.values()) this.#binding.deleteTensor(id);
    this.#shared.clear();
  }
}
