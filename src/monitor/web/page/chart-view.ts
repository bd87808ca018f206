import type { AxisKind } from "./axis.ts";
import type { Points } from "./curves.ts";
import type { CurveLook } from "./looks.ts";
import type { Zoom } from "./zoom-keys.ts";

export interface Curve {
  /** Name that people read. */
  readonly label: string;
  readonly points: Points;
  readonly look: CurveLook;
  /** Marks each point: few values, far apart. */
  readonly marks: boolean;
  /** Between which the curves lie whose mean this is. */
  readonly band?: { readonly low: Points; readonly high: Points };
}

/** Settings that all charts share. */
export interface ChartView {
  readonly axis: AxisKind;
  readonly log: boolean;
  /** Draws outliers too, however flat the rest becomes. */
  readonly outliers: boolean;
  /** Weight of the past in the moving average, in [0, 1). */
  readonly smoothing: number;
  readonly zoom: Zoom;
  /** First and last place of all. */
  readonly range: readonly [number, number];
}

export const VIEW: ChartView = {
  axis: "step",
  log: false,
  outliers: false,
  smoothing: 0,
  zoom: undefined,
  range: [0, 0],
};
