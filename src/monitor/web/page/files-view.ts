/** Log, configuration and report of the focused run. */
import { acrossView } from "./across-view.ts";
import { config, logTail, reportAddress, runFiles } from "./api.ts";
import { configRows, matching } from "./config-rows.ts";
import { deleteView } from "./delete-view.ts";
import { card, h, setText } from "./dom.ts";
import type { Model } from "./model.ts";
import { nearestView } from "./nearest-view.ts";
import { samplesView } from "./samples-view.ts";

/** The configuration before it has come. */
const NONE = {};
/** ms between looks at the files. */
const INTERVAL = 3000;

function logView() {
  const text = h("pre", { class: "log", tabindex: 0, role: "log", "aria-live": "off", "aria-labelledby": "log-title" });
  const element = card("log", "Log", text);
  return {
    element,
    update(lines: string): void {
      // A reader who has scrolled up keeps the place.
      const atEnd = text.scrollHeight - text.scrollTop - text.clientHeight < 24;
      setText(text, lines);
      if (atEnd) text.scrollTop = text.scrollHeight;
    },
  };
}

function configView() {
  const search = h("input", { type: "search", id: "config-search", placeholder: "batchSize, sde, optim ..." });
  const body = h("tbody");
  const count = h("span", { class: "note", role: "status" });
  const table = h("table", { class: "config" }, body);
  const element = card(
    "config",
    "Configuration",
    h("div", { class: "controls" }, h("label", { for: "config-search" }, "Search", search), count),
    h("div", { class: "scroll tall", tabindex: 0, role: "group", "aria-label": "configuration" }, table),
  );
  let value: unknown = NONE;
  const show = () => {
    const rows = configRows(value);
    const found = matching(rows, search.value);
    body.replaceChildren(...found.map(({ name, value }) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, value)))); // prettier-ignore
    setText(count, `${found.length} of ${rows.length}`);
  };
  search.addEventListener("input", show);
  return {
    element,
    update(next: unknown): void {
      if (next === value) return;
      value = next;
      show();
    },
  };
}

/**
 * @param changed Told when a configuration has come.
 * @param deleted Told when the record of a run was deleted.
 */
export function filesView(model: Model, changed: () => void, deleted: () => void) {
  const [samples, log, settings] = [samplesView(), logView(), configView()];
  const [nearest, across, deletion] = [nearestView(), acrossView(model), deleteView(deleted)];
  const report = h(
    "a",
    { class: "button", target: "_blank", rel: "noopener", hidden: true },
    "Report of the evaluation",
  );
  const elsewhere = h(
    "p",
    { class: "note", hidden: true },
    "Samples, log and configuration of this run are on its own machine.",
  );
  const seen = { run: "", log: -1 };
  let looking = false;

  const lookAtConfig = async (run: string) => {
    const answer = await runFiles(run);
    if (answer?.files === null) model.configs.set(run, undefined);
    const found = answer?.files?.config ? await config(run) : undefined;
    if (found !== undefined) model.configs.set(run, found);
  };
  const look = async () => {
    const unknown = model.runs.filter((run) => !model.configs.has(run));
    await Promise.all([...unknown.map(lookAtConfig), across.look()]);
    const run = model.focus;
    if (run === undefined) return;
    const answer = await runFiles(run);
    if (!answer) return;
    const { files, deletable } = answer;
    deletion.update(run, deletable === true);
    elsewhere.hidden = files !== null;
    for (const part of [samples.element, log.element, settings.element]) part.hidden = files === null;
    report.hidden = !files?.report;
    report.href = reportAddress(run);
    await nearest.update(run, files?.samples ?? []);
    if (!files) return;
    settings.update(model.configs.get(run) ?? NONE);
    samples.update(run, files.samples);
    if (seen.run !== run || seen.log !== files.log) {
      log.update((files.log > 0 && (await logTail(run))) || "Nothing has been said yet.");
      Object.assign(seen, { run, log: files.log });
    }
  };
  const refresh = () => {
    if (looking || document.hidden) return;
    looking = true;
    void look().finally(() => {
      looking = false;
      changed();
    });
  };
  setInterval(refresh, INTERVAL);
  const columns = h("div", { class: "columns" }, samples.element, log.element, settings.element, elsewhere);
  const element = h("div", { class: "parts" }, columns, nearest.element, across.element);
  return { element, report, deletion: deletion.element, refresh };
}
