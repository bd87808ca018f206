/** Says loudly that the engine is not the one it should be, and what that costs. */

const rule = "*".repeat(100);

/**
 * @param {import("./engine.mjs").Prepared} prepared
 * @returns {string | undefined} Undefined when the engine is the best for the machine.
 */
export function banner({ engine, wanted, gpu, reasons }) {
  if (reasons.length === 0) return undefined;
  const what =
    engine === "wasm"
      ? [
          "NO NATIVE TENSORFLOW: this computes with WebAssembly, about 10 to 50 times slower.",
          "What takes 10 minutes natively takes hours.",
        ]
      : [`NO GPU: an NVIDIA GPU is here, but this computes on the CPU${gpu ? ", many times slower" : ""}.`];
  const why = reasons.flatMap((reason) => reason.split("\n").map((line, i) => (i === 0 ? `- ${line}` : `  ${line}`)));
  const next = wanted === "auto" ? ["Put right what is named here and repeat the command."] : [];
  const lines = [...what, "Why:", ...why, ...next].map((line) => `* ${line}`);
  return ["", rule, ...lines, rule, ""].join("\n");
}
