/** The near tests of one folder, for the mutants of it. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const list = (name: string): string[] => JSON.parse(process.env[name] ?? "[]") as string[];

export default defineConfig({
  root: fileURLToPath(new URL("../..", import.meta.url)),
  test: {
    include: list("MUTANTS_TESTS"),
    exclude: list("MUTANTS_LEFT_OUT"),
    setupFiles: ["test/setup/engine.ts", "scripts/mutants/processes.ts"],
    // A busy machine is no fault: what hangs is ended by the limit of the mutant.
    testTimeout: 180_000,
  },
});
