import { encodeHParams, type HParamsMessage, type SessionStatus, type SummaryValue } from "./messages.ts";

export type Hyperparameter = number | string | boolean;

const value = (given: Hyperparameter) =>
  typeof given === "number"
    ? { numberValue: given }
    : typeof given === "boolean"
      ? { boolValue: given }
      : { stringValue: given };

const summary = (tag: string, message: Omit<HParamsMessage, "version">): SummaryValue => ({
  tag: `_hparams_/${tag}`,
  metadata: { pluginData: { pluginName: "hparams", content: encodeHParams({ version: 0, ...message }) } },
  // The content is all; a summary has to have a value.
  tensor: { dtype: 1, tensorShape: { dim: [{ size: 0 }] } },
});

/**
 * The summary by which TensorBoard's hparams plugin knows the hyperparameters of a run; without a summary of an
 * experiment it finds their types, and the metrics, by itself.
 *
 * @param time Start of the run, seconds since 1970.
 */
export function hparamsSummary(hparams: Readonly<Record<string, Hyperparameter>>, time: number): SummaryValue {
  const values = Object.entries(hparams).map(([name, given]) => [name, value(given)] as const);
  return summary("session_start_info", {
    sessionStartInfo: { hparams: Object.fromEntries(values), startTimeSecs: time },
  });
}

/** @param time End of the run, seconds since 1970. */
export const sessionEndSummary = (status: SessionStatus, time: number): SummaryValue =>
  summary("session_end_info", { sessionEndInfo: { status, endTimeSecs: time } });
