import type { OnProgress } from "../dataset.ts";
import type { SourceFile } from "./assemble.ts";
import type { Cifar10Manifest } from "./manifest.ts";

/** Somewhere to fetch CIFAR-10 from. */
export interface Cifar10Source {
  readonly name: string;
  /** Yields the files of the binary version; throws when it cannot. `directory` is for temporary files. */
  fetch(
    manifest: Cifar10Manifest,
    directory: string,
    onProgress: OnProgress,
    signal?: AbortSignal,
  ): AsyncIterable<SourceFile>;
}
