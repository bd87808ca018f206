/** Simulated nodes of the exchange, with faults that follow from seeds. */
import { simulate } from "../exchange-simulation/simulate.ts";
import type { Case, Part, Scale } from "./part.ts";

/** Seeds of one case, and cases. */
const SEEDS = 1000;
const CASES: Record<Scale, number> = { quick: 2, full: 100 };

export const exchangePart: Part = {
  summary: "simulated nodes that die, freeze and return",
  cases: (scale, seed) =>
    Array.from({ length: CASES[scale] }, (_, i): Case => {
      const from = 1 + SEEDS * (i + CASES[scale] * (seed - 1));
      return {
        name: `nodes of seeds ${from} to ${from + SEEDS - 1}`,
        async run() {
          const lost: string[] = [];
          for (let at = from; at < from + SEEDS; at++) {
            const { broken } = simulate(at);
            if (broken !== undefined) lost.push(`seed ${at}: ${broken}`);
          }
          return { tries: SEEDS, lost };
        },
      };
    }),
};
