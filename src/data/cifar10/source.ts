import type { Progress } from "../dataset.ts";
import type { SourceFile } from "./assemble.ts";
import type { Manifest } from "./manifest.ts";

/** Somewhere to fetch CIFAR-10 from. */
export interface Source {
  readonly name: string;
  /** Yields the files of the binary version; throws when it cannot. `directory` is for temporary files. */
  fetch(manifest: Manifest, directory: string, onProgress: Progress): AsyncIterable<SourceFile>;
}
