/** Frees what JavaScript no longer uses at a moment of our own choice. */
import v8 from "node:v8";
import vm from "node:vm";

/** V8's collector, which it shows on demand only; undefined where the runtime does not have it. */
function findCollector(): (() => void) | undefined {
  try {
    v8.setFlagsFromString("--expose-gc");
    return vm.runInNewContext("gc") as () => void;
  } catch {
    return undefined;
  }
}

let collector: (() => void) | undefined | null = null;

/**
 * Collects garbage: recording a graph leaves tens of megabytes of it, which would otherwise stay beside the tensors of
 * the first run, where the memory of a run peaks.
 */
export function collectGarbage(): void {
  if (collector === null) collector = findCollector();
  collector?.();
}

/**
 * Lets the heap grow to five times what is in use before it is collected, in place of 1.2 to 1.7 times.
 *
 * V8 counts the buffers of messages as growth of the heap, which is small beside the gradients of one step: it would mark
 * all of it several times a step.
 */
export function collectRarely(): void {
  try {
    v8.setFlagsFromString("--heap-growing-percent=400");
  } catch {
    // Another runtime: it only takes longer.
  }
}
