/** Which precision products are computed in, and what is said about it. */
import { bfloat16Instructions } from "../engine/device.ts";
import type { Engine } from "../engine/load.ts";
import type { Precisions } from "../models/score-network.ts";
import { UsageError } from "../base/errors.ts";
import type { Config } from "./config.ts";

type Wanted = Config["engine"]["precision"];

export interface SettledPrecision {
  /** In place of `engine.precision`: never "auto". */
  readonly precision: Exclude<Wanted, "auto">;
  /** For the first lines of the run. */
  readonly lines: readonly string[];
}

/** Precisions that training and evaluation are compiled for. */
export const precisionsOf = ({ engine, eval: evaluation }: Config): Precisions => ({
  training: engine.precision === "bfloat16" ? "bfloat16" : "float32",
  evaluation: evaluation.precision,
});

/** The precision of numbers, in words, where the engine's own is what is not bfloat16. */
export const precisionText = (precision: string | undefined, engine: Pick<Engine, "precision">): string =>
  precision === "bfloat16" ? precision : engine.precision;

/** Precision that `auto` picks on this device, and why. */
function picked(
  { name, native }: Engine,
  compile: boolean,
  hasInstructions: () => boolean,
): [Exclude<Wanted, "auto">, string] {
  if (name === "tensorflow-gpu") return ["tf32", "bfloat16 is not measured on GPUs"];
  if (!native || !compile) return ["float32", "bfloat16 needs compiled steps"];
  if (hasInstructions()) return ["bfloat16", "this processor has instructions for it"];
  return ["float32", "this processor has no instructions for bfloat16"];
}

/**
 * Settles `engine.precision` on a device.
 *
 * @param stored Of the run that is gone on with or evaluated, if there is one: "auto" is what it was there.
 * @param hasInstructions Whether the processor has instructions for bfloat16.
 * @throws UsageError where bfloat16 is asked for and the engine has none.
 */
export function settledPrecision(
  config: Config,
  engine: Engine,
  stored: { readonly precision: Wanted } | undefined,
  hasInstructions = bfloat16Instructions,
): SettledPrecision {
  const wanted = config.engine.precision;
  if (wanted === "auto" && !stored) {
    const [precision, why] = picked(engine, config.engine.compile, hasInstructions);
    return { precision, lines: [`precision: ${precision}, by auto: ${why}`] };
  }
  const precision = wanted === "auto" ? (stored!.precision as SettledPrecision["precision"]) : wanted;
  const text = precisionText(precision, engine);
  const lines = [
    ...(wanted === "auto" ? [`precision: ${text}, as stored in this workdir`] : []),
    ...(wanted === "bfloat16" ? ["precision: bfloat16"] : []),
  ];
  const half = [precision, config.eval.precision].includes("bfloat16");
  if (half && !engine.native) {
    throw new UsageError(
      "engine.precision, eval.precision: only TensorFlow has bfloat16",
      "--set engine.precision=float32 --set eval.precision=float32",
    );
  }
  if (half && engine.name !== "tensorflow-gpu" && !hasInstructions()) {
    lines.push("note: this processor has no instructions for bfloat16: a step takes many times as long as in float32");
  }
  if (half && engine.name === "tensorflow-gpu") lines.push("note: bfloat16 is not measured on GPUs");
  if (["tf32", "float32"].includes(precision ?? text) && precision !== undefined && precision !== text) {
    lines.push(`note: engine.precision is ${precision}, but this engine computes in ${text}`);
  }
  return { precision, lines };
}
