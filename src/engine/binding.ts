/** The native binding of tfjs-node and its backend, which have no types of their own. */
import type { Tensor } from "@tensorflow/tfjs";
import type { OpAttribute } from "./graph-def.ts";

/** The native binding, as far as the engine needs it. */
export interface Binding {
  createTensor(shape: number[], dtype: number, values: ArrayLike<number> & ArrayBufferView): number;
  deleteTensor(id: number): void;
  executeOp(name: string, attributes: OpAttribute[], inputs: number[], outputs: number): OutputInfo[];
  tensorDataSync(id: number): unknown;
  /** Ours, as are the next two (src/engine/native/functions.cc). A prebuilt binding lacks them, as it lacks our ops. */
  addFunction?(name: string, graph: Uint8Array, inputs: number, outputs: number): void;
  removeFunction?(name: string): void;
  /** Runs a function in another thread, compiled by XLA if `xla`; the inputs may be deleted at once. */
  startFunction?(name: string, inputs: number[], outputs: number, xla: boolean): Promise<OutputInfo[]>;
  /** Ours, as are the next four (src/engine/native/values.cc, which explains them). */
  readTensor?(id: number, values: Float32Array): void;
  lendTensor?(id: number): ArrayBuffer;
  takeBack?(buffer: ArrayBuffer): void;
  allFinite?(values: Float32Array): boolean;
  addValues?(a: Float32Array, b: Float32Array, out: Float32Array): void;
  /** Ours, as are the next two (src/engine/native/memory.cc, which explains them); only on Linux. */
  createMemory?(): number;
  growMemory?(fd: number, bytes: number): void;
  mapMemory?(fd: number, writable: boolean): ArrayBuffer;
  /** Ours, as are the next three (src/engine/native/collectives.cc, which explains them). */
  openCollectives?(group: number, server: Uint8Array, config: Uint8Array, port: number, allowed: string): Promise<unknown>; // prettier-ignore
  runCollective?(group: number, op: string, input: number, size: number, key: number): Promise<OutputInfo[]>;
  abortCollectives?(group: number): void;
  closeCollectives?(group: number, port: number): void;
  loadSavedModel(directory: string, tags: string): number;
  deleteSavedModel(id: number): void;
  runSavedModel(session: number, inputs: number[], inputNames: string, outputNames: string): OutputInfo[];
  /** Present while a function is recorded: the node of tensor `id` must run after that of `other`. */
  order?(id: number, other: number): void;
  /** Present while a function is recorded: ops that take tensor `id` take it as float32. */
  keepFloat32?(id: number): void;
  readonly TF_INT64: number;
  readonly TF_BOOL: number;
}

export interface OutputInfo {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

/** The parts of tfjs-node's backend the engine uses. */
export interface NodeBackend {
  binding: Binding;
  readonly isUsingGpuDevice: boolean;
  write(values: object, shape: number[], dtype: string): object;
  getInputTensorIds(tensors: readonly Tensor[]): number[];
  createOutputTensor(info: OutputInfo): Tensor;
  executeSingleOutput(name: string, attributes: OpAttribute[], inputs: readonly Tensor[]): Tensor;
  executeMultipleOutputs(name: string, attributes: OpAttribute[], inputs: readonly Tensor[], n: number): Tensor[];
}
