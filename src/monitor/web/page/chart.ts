/** One chart: several curves over one axis, zoomed together with the others. */
import type uPlot from "uplot";
import { placeText } from "./axis.ts";
import { chartLegend } from "./chart-legend.ts";
import { chartTools } from "./chart-tools.ts";
import { VIEW, type ChartView, type Curve } from "./chart-view.ts";
import { align, crop, smooth, thinPoints, toGrid, curveValueAt, type Points } from "./curves.ts";
import { h, setText } from "./dom.ts";
import { boundsOf, type Bounds } from "./outliers.ts";
import { HEIGHT, makePlot, type PlotLine } from "./plot.ts";
import { zoomByKey, type Zoom } from "./zoom-keys.ts";

export interface ChartOptions {
  readonly id: string;
  readonly title: string;
  readonly format: (value: number | undefined) => string;
  /** May be drawn over a logarithmic axis. */
  readonly log?: boolean;
  /** Is smoothed. */
  readonly smooth?: boolean;
  /** Its axis goes by powers of 2. */
  readonly binary?: boolean;
}

const KEYS = "Drag to zoom, double-click to reset. Keys: + and - zoom, arrows move, 0 resets.";

/** Points of a common axis, for each pixel, from which on curves share a grid. */
const DENSE = 4;
/** Part of the width by which the pointer may miss a curve's end. */
const SLACK = 0.01;

/** The value of a curve's last point. */
const newest = ({ y }: Points) => y.findLast(Number.isFinite);

/** A chart that is given new curves as often as wanted. */
export class Chart {
  readonly element: HTMLElement;
  readonly #options: ChartOptions;
  readonly #title: HTMLElement;
  readonly #place = h("div", { class: "plot" });
  readonly #legend: ReturnType<typeof chartLegend>;
  readonly #tools: ReturnType<typeof chartTools>;
  readonly #onZoom: (zoom: Zoom) => void;
  #plot: uPlot | undefined;
  /** Settings of the present plot. */
  #form = "";
  /** The curves that were drawn last, in short. */
  #content = "";
  #curves: readonly Curve[] = [];
  /** The curves as they are read: smoothed, but with all points. */
  #read: readonly Points[] = [];
  #bounds: Bounds | undefined;
  #view = VIEW;

  constructor(options: ChartOptions, onZoom: (zoom: Zoom) => void) {
    const { id, title } = options;
    this.#options = options;
    this.#onZoom = onZoom;
    this.#title = h("h3", { id: `chart-${id}` }, title);
    this.#legend = chartLegend(options.format);
    this.#tools = chartTools(options, () => ({
      curves: this.#curves,
      view: this.#view,
      canvas: this.#plot!.ctx.canvas,
    }));
    this.element = h(
      "figure",
      { class: "chart", tabindex: 0, "aria-labelledby": `chart-${id}`, title: KEYS, onkeydown: (event) => this.#key(event as KeyboardEvent) }, // prettier-ignore
      h("figcaption", {}, this.#title, this.#legend.list),
      this.#place,
      h("div", { class: "foot" }, this.#tools.buttons, this.#legend.outside),
      this.#tools.place,
    );
    new ResizeObserver(() => this.#fit()).observe(this.#place);
  }

  /** Draws; a chart without a point hides itself. */
  show(curves: readonly Curve[], view: ChartView): void {
    this.#curves = curves.filter(({ points }) => points.x.length > 0);
    this.#view = view;
    this.element.hidden = this.#curves.length === 0;
    if (this.element.hidden || !this.#isNew()) return;
    const lines = this.#curves.flatMap(({ look, marks, band }): PlotLine[] => [
      ...(band ? (["high", "low"] as const).map((border) => ({ look, band: border })) : []),
      ...(this.#smoothed && !band ? [{ look, marks, pale: true }] : []),
      { look, marks },
    ]);
    const form = JSON.stringify([view.axis, this.#log, lines]);
    const data = this.#data();
    if (form === this.#form) this.#plot!.setData(data, false);
    else this.#make(form, lines, data);
    const [min, max] = this.#range;
    this.#plot!.setScale("x", min === max ? { min: min - 1, max: max + 1 } : { min, max });
    this.#tools.update();
    this.#legend.tellOutside(this.#bounds?.outside ?? 0);
    this.#tell();
  }

  /** False when all that would be drawn is drawn: many curves take long. */
  #isNew(): boolean {
    const curves = this.#curves.map(({ points: { x, y }, label, look, marks }) => [
      label,
      look,
      marks,
      x.length,
      x[0],
      x.at(-1),
      y.at(-1),
    ]);
    const content = JSON.stringify([this.#view, this.#place.clientWidth, curves]);
    const isNew = content !== this.#content;
    this.#content = content;
    return isNew;
  }

  /** Takes the colours anew. */
  recolour(): void {
    this.#form = this.#content = "";
    if (!this.element.hidden) this.show(this.#curves, this.#view);
  }

  get #smoothed(): boolean {
    return this.#options.smooth === true && this.#view.smoothing > 0;
  }

  get #log(): boolean {
    return this.#options.log === true && this.#view.log;
  }

  get #range(): readonly [number, number] {
    return this.#view.zoom ?? this.#view.range;
  }

  /** For each curve its points and, before them, its band or, paler, the points before smoothing. */
  #data(): uPlot.AlignedData {
    const buckets = Math.max(100, Math.round(this.#place.clientWidth));
    const [min, max] = this.#range;
    const positive = ({ x, y }: Points) => ({ x, y: this.#log ? y.map((value) => (value > 0 ? value : NaN)) : y });
    const soft = ({ x, y }: Points) => ({ x, y: this.#smoothed ? smooth(y, this.#view.smoothing) : y });
    const raw = this.#curves.map(({ points }) => positive(points));
    this.#read = raw.map(soft);
    const cropped = this.#read.map((points) => crop(points, min, max));
    const bands = this.#curves.map(({ band }) =>
      band ? [band.high, band.low].map((each) => crop(soft(positive(each)), min, max)) : undefined,
    );
    const all = [...cropped, ...bands.flatMap((band) => band ?? [])];
    this.#bounds = this.#view.outliers
      ? undefined
      : boundsOf(
          all.map(({ y }) => y),
          this.#log,
        );
    const drawn = cropped.flatMap((points, i) => {
      const behind = bands[i] ?? (this.#smoothed ? [crop(raw[i]!, min, max)] : []);
      return [...behind, points];
    });
    const thinned = drawn.map((points) => thinPoints(points, buckets));
    const places = new Set(thinned.flatMap(({ x }) => x)).size;
    const shared = places > DENSE * buckets ? thinned.map((points) => toGrid(points, min, max, buckets)) : thinned;
    return align(shared) as uPlot.AlignedData;
  }

  #make(form: string, lines: readonly PlotLine[], data: uPlot.AlignedData): void {
    this.#form = form;
    this.#plot?.destroy();
    const { format, binary = false } = this.#options;
    const { axis } = this.#view;
    const told = { bounds: () => this.#bounds, range: () => this.#range, onCursor: () => this.#tell(), onZoom: this.#onZoom }; // prettier-ignore
    this.#plot = makePlot({ lines, axis, log: this.#log, binary, format, ...told }, data, this.#place);
  }

  /** The curves' values at the pointer, else their newest. */
  #tell(): void {
    const { left = -1, top = -1 } = this.#plot?.cursor ?? {};
    const at = left < 0 ? undefined : this.#plot!.posToVal(left, "x");
    const [min, max] = this.#range;
    const values = this.#read.map((points) => (at === undefined ? newest(points) : curveValueAt(points, at, SLACK * (max - min)))); // prettier-ignore
    const pointer = at === undefined || top < 0 ? undefined : this.#plot!.posToVal(top, "y");
    this.#legend.update(this.#curves.map((curve, i) => ({ curve, value: values[i] })), pointer); // prettier-ignore
    const { title } = this.#options;
    setText(this.#title, at === undefined ? title : `${title} · ${placeText(this.#view.axis, at)}`);
  }

  #fit(): void {
    const width = this.#place.clientWidth;
    if (!this.#plot || width === 0 || width === this.#plot.width) return;
    this.#plot.setSize({ width, height: HEIGHT });
    this.show(this.#curves, this.#view);
  }

  #key(event: KeyboardEvent): void {
    if (event.target !== this.element || event.ctrlKey || event.metaKey || event.altKey) return;
    const [...zooms] = zoomByKey(event.key, this.#view.zoom, this.#view.range);
    if (zooms.length === 0) return;
    event.preventDefault();
    this.#onZoom(zooms[0]);
  }
}
