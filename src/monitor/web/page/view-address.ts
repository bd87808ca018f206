/** The view in the page's address, after "#": it can be kept and passed on, and no server sees it. */
import { AXES, type AxisKind } from "./axis.ts";
import type { ChartView } from "./chart-view.ts";
import type { Sort, TableView } from "./run-rows.ts";
import type { Zoom } from "./zoom-keys.ts";

/** The choices of the person at the page, kept in its address. */
export interface ViewState {
  readonly view: Omit<ChartView, "range">;
  readonly table: TableView;
  /** Keys of nodes that are left out of the charts. */
  readonly hidden: readonly string[];
  /** Key of the node whose details are shown. */
  readonly chosen: string | undefined;
}

/** Digits that tell places apart on a screen. */
const rounded = (value: number) => Number(value.toPrecision(12));

const sortText = ({ key, down }: Sort) => `${down ? "-" : ""}${key}`;

/** The text after "#"; "" for the view that the page begins with. */
export function addressOf({ view, table, hidden, chosen }: ViewState): string {
  const { axis, log, outliers, smoothing, zoom } = view;
  const parts: (readonly [string, string] | false)[] = [
    axis !== "step" && ["axis", axis],
    log && ["log", "1"],
    outliers && ["outliers", "1"],
    smoothing > 0 && ["smoothing", String(smoothing)],
    zoom !== undefined && ["zoom", zoom.map(rounded).join(",")],
    table.search !== "" && ["find", table.search],
    table.sort !== undefined && ["sort", sortText(table.sort)],
    table.metric !== "train/loss" && ["metric", table.metric],
    table.group !== "" && ["group", table.group],
    chosen !== undefined && ["details", chosen],
    ...hidden.map((key) => ["hide", key] as const),
  ];
  return new URLSearchParams(parts.filter((part) => part !== false).map(([name, value]) => [name, value])).toString();
}

function zoomIn(text: string | null): Zoom {
  const [from = NaN, to = NaN, ...more] = (text ?? "").split(",").map(Number);
  return more.length === 0 && from < to && Number.isFinite(to - from) ? [from, to] : undefined;
}

const sortIn = (text: string | null): Sort | undefined =>
  text === null || text === "" ? undefined : { key: text.replace(/^-/, ""), down: text.startsWith("-") };

/** The view that an address names; what it does not name, or not well, is as the page begins. */
export function viewIn(address: string): ViewState {
  const query = new URLSearchParams(address.replace(/^#/, ""));
  const smoothing = Number(query.get("smoothing"));
  return {
    view: {
      axis: AXES.find((axis): axis is AxisKind => axis === query.get("axis")) ?? "step",
      log: query.get("log") === "1",
      outliers: query.get("outliers") === "1",
      smoothing: smoothing >= 0 && smoothing < 1 ? smoothing : 0,
      zoom: zoomIn(query.get("zoom")),
    },
    table: {
      search: query.get("find") ?? "",
      sort: sortIn(query.get("sort")),
      metric: query.get("metric") ?? "train/loss",
      group: query.get("group") ?? "",
    },
    hidden: query.getAll("hide"),
    chosen: query.get("details") ?? undefined,
  };
}
