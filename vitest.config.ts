import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    setupFiles: ["test/setup/engine.ts"],
    reporters: ["default", "./test/setup/count-reporter.ts"],
    // One process for all files: TensorFlow is loaded once and has the cores for itself.
    pool: "forks",
    maxWorkers: 1,
    fileParallelism: false,
    isolate: false,
    testTimeout: 30_000,
    // Real processes are slow to end on a busy machine.
    expect: { poll: { timeout: 20_000 } },
  },
});
