/** Switches the mutant on in the processes and threads that a test starts, too. */
import { beforeAll, inject } from "vitest";

const given = inject as (name: string) => unknown;

if (given("mode") === "mutant") {
  const active = String(given("activeMutant"));
  if (given("mutantActivation") === "static") process.env["__STRYKER_ACTIVE_MUTANT__"] = active;
  else beforeAll(() => void (process.env["__STRYKER_ACTIVE_MUTANT__"] = active));
}
