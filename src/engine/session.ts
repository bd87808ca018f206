/** Runs a GraphDef in a TensorFlow session, by the one way that tfjs-node has: a SavedModel. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lengthField, numberField } from "./protobuf.ts";
import type { Binding, OutputInfo } from "./binding.ts";

/** Field numbers of tensorflow/core/protobuf/saved_model.proto and meta_graph.proto. */
const SAVED_MODEL = { schemaVersion: 1, metaGraphs: 2 } as const;
const META_GRAPH = { info: 1, graph: 2, tags: 4 } as const;

/** The graph's bytes, untouched, in a SavedModel with the tag "serve": operations keep the meaning of their version. */
function savedModel(graph: Uint8Array): Uint8Array {
  const info = lengthField(META_GRAPH.info, lengthField(META_GRAPH.tags, "serve"));
  const meta = lengthField(SAVED_MODEL.metaGraphs, info, lengthField(META_GRAPH.graph, graph));
  return Buffer.concat([numberField(SAVED_MODEL.schemaVersion, 1), meta]);
}

export interface GraphSession {
  /** Runs the graph on the tensors with these numbers. */
  run(ids: number[]): OutputInfo[];
  close(): void;
}

/**
 * @param graph Bytes of the GraphDef.
 * @param inputs Tensors that are fed, as `in0:0`.
 * @param outputs Tensors that are returned.
 * @throws Error when TensorFlow refuses the graph.
 */
export function openSession(
  binding: Binding,
  graph: Uint8Array,
  inputs: readonly string[],
  outputs: readonly string[],
): GraphSession {
  const directory = mkdtempSync(join(tmpdir(), "scorestream-"));
  let session: number;
  try {
    writeFileSync(join(directory, "saved_model.pb"), savedModel(graph));
    session = binding.loadSavedModel(directory, "serve");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return {
    run: (ids) => binding.runSavedModel(session, ids, inputs.join(), outputs.join()),
    close: () => binding.deleteSavedModel(session),
  };
}
