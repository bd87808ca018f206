/** How far the focused run is: its phases, the time left of all of it, and why it failed. */
import { isOver, type RunPhase, type PhaseTime, type RunState } from "../../../metrics/run-state.ts";
import { card, h, setText } from "./dom.ts";
import { durationText } from "./format.ts";
import type { Model } from "./model.ts";
import { stateNow } from "./node-state.ts";

export const PHASE_NAMES: Readonly<Record<RunPhase, string>> = {
  starting: "starting",
  compiling: "compiling",
  training: "training",
  snapshot: "snapshot",
  working: "working",
  evaluating_loss: "evaluating the loss",
  evaluating_likelihood: "evaluating the likelihood",
  evaluating_bound: "evaluating the bound",
  sampling: "sampling",
  evaluating_quality: "measuring the samples",
  finished: "finished",
  stopped: "stopped",
  failed: "failed",
  lost: "lost",
};

/** Where there is little room. */
const SHORT: Partial<Record<RunPhase, string>> = {
  evaluating_loss: "loss",
  evaluating_likelihood: "likelihood",
  evaluating_bound: "bound",
  evaluating_quality: "quality",
};

/** Part of a phase that is done, in [0, 1]; one without a time has not begun. */
const partOf = ({ seconds, secondsLeft = Infinity }: PhaseTime) => (seconds === 0 ? 0 : seconds / (seconds + secondsLeft)); // prettier-ignore

/** Part of the run's time that is over; undefined while the rest is not known. */
export function runPart({ runSeconds, runSecondsLeft }: RunState): number | undefined {
  return runSecondsLeft === undefined ? undefined : runSeconds / Math.max(runSeconds + runSecondsLeft, 1e-9);
}

/** "43 % · 3 min left": how far it is, in a title's words. */
export function shortState(state: RunState): string {
  const [part, left] = [runPart(state), state.runSecondsLeft];
  if (isOver(state) || state.phase === "lost" || part === undefined || left === undefined) return PHASE_NAMES[state.phase]; // prettier-ignore
  return `${Math.floor(100 * part)} % · ${durationText(left)}`;
}

function words(state: RunState): string {
  const { phase, done, total, unit, runSecondsLeft, secondsLeft } = state;
  const count = total === undefined ? "" : `${done.toLocaleString("en")} of ${total.toLocaleString("en")} ${unit}`;
  const left = (seconds: number | undefined, of: string) =>
    seconds === undefined || isOver(state) ? "" : `about ${durationText(seconds)} left ${of}`;
  const whole = left(runSecondsLeft, "of the run") || left(secondsLeft, "of this phase");
  const ended = isOver(state) ? `after ${durationText(state.runSeconds)}` : "";
  return [PHASE_NAMES[phase], isOver(state) ? "" : count, whole, ended].filter(Boolean).join(" · ");
}

function segment(row: PhaseTime, current: boolean): HTMLElement {
  const { phase, seconds, secondsLeft } = row;
  const fill = h("span", { class: "fill" });
  fill.style.width = `${100 * partOf(row)}%`;
  const left = secondsLeft ? `, about ${durationText(secondsLeft)} left` : "";
  const text = `${PHASE_NAMES[phase]}: ${durationText(seconds)}${left}`;
  const item = h("li", { class: current ? "current" : "", title: text }, h("span", { class: "track" }, fill), h("span", { class: "name" }, SHORT[phase] ?? PHASE_NAMES[phase])); // prettier-ignore
  // Wide by the time it takes, and wide enough to be seen.
  item.style.flexGrow = String(Math.max(1, Math.sqrt(seconds + (secondsLeft ?? 0))));
  return item;
}

export function phaseView(model: Model) {
  const line = h("p", { class: "now", role: "status" });
  const bar = h("ol", { class: "phases", "aria-label": "phases of the run" });
  const error = h("p", { class: "error" });
  const remedy = h("p", { class: "remedy" });
  const failed = h("div", { class: "failed", role: "alert", hidden: true }, h("h3", {}, "The run failed"), error, remedy); // prettier-ignore
  const element = card("phase", "Progress", line, bar, failed);
  element.hidden = true;

  return {
    element,
    update(): void {
      const { node } = model;
      const state = node && stateNow(node, model.now());
      element.hidden = state === undefined;
      if (!state) return;
      const idle = state.idle > 30 ? ` · no progress for ${durationText(state.idle)}` : "";
      setText(line, state.phase === "lost" ? `lost: nothing was heard for ${durationText(state.silent)}` : words(state) + idle); // prettier-ignore
      element.dataset["phase"] = state.phase;
      bar.replaceChildren(...state.phases.map((row) => segment(row, row.phase === state.phase)));
      failed.hidden = state.phase !== "failed";
      setText(error, state.error ?? "");
      setText(remedy, state.remedy === undefined ? "" : `Remedy: ${state.remedy}`);
      remedy.hidden = state.remedy === undefined;
    },
  };
}
