/** Simulates nodes of the exchange with faults that follow from seeds: `npm run torture -- --only exchange --seeds N`. */
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { planOf, simulate } from "../lab/exchange-simulation/simulate.ts";

const whole = (text: string): number => {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("a whole number belongs there");
  return Number(text);
};

function parse(argv: readonly string[]): { readonly seeds: number; readonly from: number; readonly trace: boolean } {
  const program = new Command("npm run torture --")
    .description("lets simulated nodes die, freeze and return, and says which seeds broke a promise")
    .option("--only <part>", "exchange, the only part there is", "exchange")
    .option("--seeds <n>", "how many", whole, 10_000)
    .option("--from <seed>", "the first of them", whole, 1)
    .option("--trace", "show what happened", false)
    .exitOverride();
  try {
    program.parse(argv, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : 2);
    throw error;
  }
  const options = program.opts<{ only: string; seeds: number; from: number; trace: boolean }>();
  if (options.only === "exchange") return options;
  console.error(`error: --only ${options.only}: there is no such part\n  remedy: --only exchange`);
  process.exit(2);
}

const { seeds, from, trace } = parse(process.argv.slice(2));
const start = performance.now();
let broken = 0;
for (let seed = from; seed < from + seeds; seed++) {
  const outcome = simulate(seed);
  if (outcome.broken !== undefined) {
    broken++;
    console.log(`seed ${seed}: ${outcome.broken}\n  again: npm run torture -- --from ${seed} --seeds 1 --trace`);
  }
  if (trace) console.log([JSON.stringify(planOf(seed)), ...outcome.log].join("\n"));
}
console.log(`${broken} of ${seeds} seeds broke a promise, ${((performance.now() - start) / 1000).toFixed(0)} s`);
process.exitCode = broken > 0 ? 1 : 0;
