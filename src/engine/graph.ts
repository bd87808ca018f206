/** Recorded graphs, ready to run. */
import { graphDef } from "./graph-def.ts";
import type { Binding, OutputInfo } from "./binding.ts";
import type { Recording } from "./recorder.ts";
import { usesXla } from "./kernels.ts";
import { openSession } from "./session.ts";

/** A loaded graph; tensors are given and returned by their numbers. */
export interface Graph {
  run(ids: number[]): OutputInfo[];
  /** Runs it in another thread, so that JavaScript goes on meanwhile. The inputs may be deleted at once. */
  start(ids: number[]): Promise<OutputInfo[]>;
  /** Frees it, once nothing runs any more. */
  close(): void;
}

let loaded = 0;
let warned = false;

/** Loads the recording as a function of the context in which the tensors live: nothing is copied, also on a GPU. */
function functionGraph(binding: Required<Binding>, name: string, { nodes, inputs, outputs }: Recording): Graph {
  const own = `scorestream_${loaded++}_${name.replaceAll(/\W/g, "_")}`;
  binding.addFunction(own, graphDef(nodes), inputs, outputs);
  let running = 0;
  let closed = false;
  const remove = () => void (closed && running === 0 && binding.removeFunction(own));
  return {
    run: (ids) => binding.executeOp(own, [], ids, outputs),
    async start(ids) {
      running++;
      try {
        return await binding.startFunction(own, ids, outputs, usesXla());
      } finally {
        running--;
        remove();
      }
    },
    close() {
      closed = true;
      remove();
    },
  };
}

/** Loads the recording as a session, whose inputs and outputs go through host memory. */
function sessionGraph(binding: Binding, { nodes, inputs, outputs }: Recording): Graph {
  const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}:0`);
  const session = openSession(binding, graphDef(nodes), names("in", inputs), names("out", outputs));
  return { ...session, start: async (ids) => session.run(ids) };
}

/** @throws Error when TensorFlow refuses the graph. */
export function loadGraph(binding: Binding, name: string, recording: Recording): Graph {
  if (binding.addFunction) return functionGraph(binding as Required<Binding>, name, recording);
  if (!warned) {
    warned = true;
    console.error(
      "engine: the prebuilt binding has no functions: on a GPU all parameters are " +
        "copied each way at every step\n  remedy: unset SCORESTREAM_ENGINE, so that the set-up compiles the binding",
    );
  }
  return sessionGraph(binding, recording);
}
