/** Lists the tests near a source file, and the share of its mutants that they must catch. */

/** Tests of other folders that look at a folder's numbers from close by, as paths of vitest's include. */
const ALSO_NEAR: Readonly<Record<string, readonly string[]>> = {
  sde: ["test/golden/sde.test.ts"],
  likelihood: ["test/golden/likelihood.test.ts"],
  sampling: ["test/golden/sampling*.test.ts"],
  ops: ["test/golden/prng.test.ts", "test/golden/transforms.test.ts", "test/golden/metrics.test.ts"],
  training: ["test/golden/train.test.ts", "test/golden/checkpoint.test.ts"],
};

/** Tests that cannot run in a worker thread, in which the mutants are switched on, and why. */
const NOT_IN_THREADS: Readonly<Record<string, string>> = {};

/** Percentage of a folder's mutants that its near tests are to catch. */
const GOALS: Readonly<Record<string, number>> = {
  ...{ sde: 90, likelihood: 90, sampling: 90, solvers: 90, ops: 90, training: 90, streams: 90 },
  ...{ data: 80, exchange: 80, grpc: 80, monitor: 80, cli: 80, run: 80 },
};

/** The folder of `src` that a path lies in: "src/sde/vp.ts" gives "sde". */
export const folderOf = (path: string): string => path.replace(/^\.?\/?src\//, "").split("/")[0]!;

/** Globs of the near tests of a folder. */
export const nearTests = (folder: string): string[] => [`test/${folder}/**/*.test.ts`, ...(ALSO_NEAR[folder] ?? [])];

export const leftOut = (): string[] => Object.keys(NOT_IN_THREADS);

export const goalOf = (folder: string): number | undefined => GOALS[folder];
