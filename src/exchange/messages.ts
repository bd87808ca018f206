/** The messages of `proto/scorestream/v1/exchange.proto`, as grpc-js hands them over. */

/**
 * A property that determines the bits of a node's numbers: code, engine, processor, or the result of a test gradient.
 */
export interface Trait {
  readonly name: string;
  readonly value: string;
}

export interface Hello {
  readonly version: number;
  readonly address: string;
  /** 0: the next that is free. */
  readonly rank: number;
  readonly config: string;
  readonly parameters: number;
  /** "": none yet. */
  readonly runId: string;
  /** 0: gradients do not go by TensorFlow's collectives. */
  readonly collectivesPort: number;
  /** The same for as long as the workdir is; "": none. */
  readonly node: string;
  /** Identifies this process alone. */
  readonly incarnation: string;
  /** Traits that determine the bits of its numbers. */
  readonly arithmetic?: readonly Trait[] | null;
}

export interface Ready {
  readonly view: number;
  readonly step: number;
  /** The state came to be in this run: it was that of a view, since the node was admitted. */
  readonly settled: boolean;
  /** Hash of the state; "": not known. */
  readonly hash: string;
  /** The sum that led to the state is still here. */
  readonly hasSum: boolean;
}

export interface Suspect {
  readonly view: number;
  readonly id: number;
  readonly reason: string;
  /** It can be reached, for all that is known, but what it has to send does not come. */
  readonly silent: boolean;
  /** ms that it was waited for. */
  readonly patience: number;
}

/** A sign of life, told now and then. */
export interface Alive {
  /** Grows as long as the node gets on. */
  readonly progress: number;
  /** Updates applied in this run; 0 as long as the state is none of the run's. */
  readonly step: number;
  /** Members from which something is to come before it can go on. */
  readonly waitsFor: readonly number[];
}

/** Sent after every so many steps, to be compared. */
export interface ParametersHash {
  /** Updates applied. */
  readonly step: number;
  readonly hash: string;
}

export interface Diverged {
  readonly step: number;
  readonly value: number;
}

/** One of them. */
export interface MemberMessage {
  readonly hello?: Hello | null;
  readonly ready?: Ready | null;
  readonly suspect?: Suspect | null;
  readonly diverged?: Diverged | null;
  readonly leave?: Record<string, never> | null;
  readonly alive?: Alive | null;
  readonly parameters?: ParametersHash | null;
}

export interface Welcome {
  readonly runId: string;
  readonly id: number;
  readonly rank: number;
  /** ms, of the whole run. */
  readonly deadline: number;
  /** Differences of the member's arithmetic from the coordinator's, where they are allowed. */
  readonly differing?: readonly string[] | null;
}

export interface Member {
  readonly id: number;
  readonly rank: number;
  readonly address: string;
  /** See {@link Hello}. */
  readonly collectivesPort: number;
}

export type CatchUp = "NOTHING" | "SUM" | "STATE";
export interface GroupView {
  readonly view: number;
  readonly step: number;
  readonly members: readonly Member[];
  readonly need: CatchUp;
  readonly source: number;
  readonly entering: boolean;
  /** Hash of the state at `step`; "": not known. */
  readonly hash: string;
}

/** Nodes whose arithmetic differs. */
export interface Differ {
  readonly step: number;
  /** Their ranks and hashes. */
  readonly text: string;
}

/** One of them. */
export interface CoordinatorMessage {
  readonly welcome?: Welcome | null;
  readonly prepare?: { readonly view: number } | null;
  readonly view?: GroupView | null;
  readonly diverged?: Diverged | null;
  readonly alive?: Record<string, never> | null;
  readonly finished?: Record<string, never> | null;
  readonly differ?: Differ | null;
  /** All nodes have the same parameters after this step. */
  readonly verified?: { readonly step: number } | null;
}

export interface FetchRequest {
  readonly runId: string;
  readonly what: CatchUp;
  readonly step: number;
}

export type Phase = "FETCHED" | "REDUCE" | "GATHER";
export interface VectorAbout {
  readonly name: string;
  readonly length: number;
  readonly bfloat16: boolean;
  /** Blocks of int8; excludes `bfloat16`. */
  readonly int8?: boolean | undefined;
}

export interface Header {
  readonly runId: string;
  readonly view: number;
  readonly step: number;
  readonly from: number;
  readonly phase: Phase;
  readonly vectors: readonly VectorAbout[];
  readonly shared?: SharedPlace | null;
  readonly pieces?: Readonly<SharedPieces> | null;
}

/** The place where another process of the machine finds this one's shared memory. */
export interface SharedPlace {
  readonly pid: number;
  readonly fd: number;
  readonly token: Uint8Array;
}

export interface Chunk {
  readonly vector: number;
  readonly offset: number;
  readonly arrow: Uint8Array;
  readonly crc32: number;
}

/** Chunks that are in the sender's memory, one after another. */
export interface SharedPieces {
  vector: number;
  offset: number;
  at: number;
  pieces: number;
}

/** One of them. */
export interface ParcelMessage {
  readonly header?: Header | null;
  readonly chunk?: Chunk | null;
  readonly shared?: Readonly<SharedPieces> | null;
}

/** See {@link Hello}. */
export type WireIdentity = Pick<Hello, "incarnation">;

export interface Receipt {
  readonly parcels: number;
}
