/** Einstein sums, which the WebAssembly backend of tfjs lacks. */
import type { Tensor } from "@tensorflow/tfjs";
import { tf } from "../tf.ts";

interface Term {
  readonly labels: string;
  readonly tensor: Tensor;
}

/** Sums over the labels that occur nowhere else. */
function sumOut({ labels, tensor }: Term, kept: string): Term {
  const axes = [...labels].flatMap((label, axis) => (kept.includes(label) ? [] : [axis]));
  return axes.length === 0
    ? { labels, tensor }
    : { labels: [...labels].filter((label) => kept.includes(label)).join(""), tensor: tf.sum(tensor, axes) };
}

/** Brings the axes into the order of `to`, a permutation of the labels. */
function transpose({ labels, tensor }: Term, to: string): Tensor {
  return labels === to
    ? tensor
    : tf.transpose(
        tensor,
        [...to].map((label) => labels.indexOf(label)),
      );
}

/** The product of two terms as one batched matrix product; labels not in `kept` are summed over. */
function contract(first: Term, second: Term, kept: string): Term {
  const a = sumOut(first, second.labels + kept);
  const b = sumOut(second, first.labels + kept);
  const both = [...a.labels].filter((label) => b.labels.includes(label));
  const batch = both.filter((label) => kept.includes(label)).join("");
  const inner = both.filter((label) => !kept.includes(label)).join("");
  const left = [...a.labels].filter((label) => !b.labels.includes(label)).join("");
  const right = [...b.labels].filter((label) => !a.labels.includes(label)).join("");

  const size = (label: string) => {
    const term = a.labels.includes(label) ? a : b;
    return term.tensor.shape[term.labels.indexOf(label)]!;
  };
  const sizes = (labels: string) => [...labels].map(size);
  const count = (labels: string) => sizes(labels).reduce((x, y) => x * y, 1);
  const x = transpose(a, batch + left + inner).reshape([count(batch), count(left), count(inner)]);
  const y = transpose(b, batch + inner + right).reshape([count(batch), count(inner), count(right)]);
  const labels = batch + left + right;
  return { labels, tensor: tf.matMul(x, y).reshape(sizes(labels)) };
}

/**
 * @param equation As "bij,bjk->bik": explicit output, no label twice in one term.
 * @throws RangeError for any other form.
 */
export function einsum(equation: string, tensors: readonly Tensor[]): Tensor {
  const [inputs = "", output] = equation.replaceAll(" ", "").split("->");
  const terms = inputs.split(",");
  const repeated = terms.some((labels) => new Set(labels).size < labels.length);
  const known = output !== undefined && [...output].every((label) => /[a-z]/i.test(label) && inputs.includes(label));
  if (!known || terms.length !== tensors.length || repeated) {
    throw new RangeError(`einsum: "${equation}" is not supported for ${tensors.length} tensors`);
  }
  return tf.tidy(() => {
    const [first, ...rest] = terms.map((labels, i): Term => ({ labels, tensor: tensors[i]! }));
    const product = rest.reduce((left, right, i) => {
      const later = terms.slice(i + 2).join("");
      return contract(left, right, output + later);
    }, first!);
    return tf.clone(transpose(sumOut(product, output), output));
  });
}
