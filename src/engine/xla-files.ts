/** Where XLA keeps what it tuned and compiled, so that a later run of one machine starts in seconds with the same algorithms. */
import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";

interface XlaMachine {
  /** Name of the GPU. */
  readonly device: string;
  /** Version of the libraries: the results of one version are not used by another. */
  readonly libraries: string;
}

const word = (text: string) => text.replaceAll(/[^\w.-]+/g, "-");

/**
 * The variables with which XLA reads and writes its files in `folder`; those of the user stay in front.
 *
 * Results of tuning are loaded where a file has them: XLA then runs the algorithms it chose at its first run.
 */
export function xlaVariables(
  folder: string,
  { device, libraries }: XlaMachine,
  env: NodeJS.ProcessEnv = process.env,
): Readonly<Record<string, string>> {
  const own = join(resolve(folder), word(`${device}-${libraries}`));
  mkdirSync(join(own, "programs"), { recursive: true });
  const tuned = join(own, "autotune.textproto");
  const flags = [
    env["XLA_FLAGS"],
    `--xla_gpu_dump_autotune_results_to=${tuned}`,
    existsSync(tuned) && `--xla_gpu_load_autotune_results_from=${tuned}`,
  ];
  const programs = [env["TF_XLA_FLAGS"], `--tf_xla_persistent_cache_directory=${join(own, "programs")}`];
  const joined = (parts: readonly (string | false | undefined)[]) => parts.filter(Boolean).join(" ");
  return { XLA_FLAGS: joined(flags), TF_XLA_FLAGS: joined(programs) };
}
