import { encodeHParams, type SummaryValue } from "./messages.ts";

export type Hyperparameter = number | string | boolean;

const value = (given: Hyperparameter) =>
  typeof given === "number"
    ? { numberValue: given }
    : typeof given === "boolean"
      ? { boolValue: given }
      : { stringValue: given };

/**
 * The summary by which TensorBoard's hparams plugin knows the hyperparameters of a run; without a summary of an
 * experiment it finds their types, and the metrics, by itself.
 *
 * @param time Start of the run, seconds since 1970.
 */
export function hparamsSummary(hparams: Readonly<Record<string, Hyperparameter>>, time: number): SummaryValue {
  const values = Object.entries(hparams).map(([name, given]) => [name, value(given)] as const);
  const content = encodeHParams({
    version: 0,
    sessionStartInfo: { hparams: Object.fromEntries(values), startTimeSecs: time },
  });
  return {
    tag: "_hparams_/session_start_info",
    metadata: { pluginData: { pluginName: "hparams", content } },
    // The content is all; a summary has to have a value.
    tensor: { dtype: 1, tensorShape: { dim: [{ size: 0 }] } },
  };
}
