/** One chart: several curves over one axis, zoomed together with the others. */
import type uPlot from "uplot";
import { align, crop, thinPoints, smooth, type Points } from "./curves.ts";
import { h, setText } from "./dom.ts";
import { HEIGHT, makePlot, type PlotLine } from "./plot.ts";
import { zoomByKey, type Zoom } from "./zoom-keys.ts";

export interface Curve extends PlotLine {
  /** Name that people read. */
  readonly label: string;
  readonly points: Points;
}

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

/** Settings that all charts share. */
export interface ChartView {
  readonly log: boolean;
  /** Weight of the past in the moving average, in [0, 1). */
  readonly smoothing: number;
  readonly zoom: Zoom;
  /** First and last step of all. */
  readonly range: readonly [number, number];
}

const KEYS = "Drag to zoom, double-click to reset. Keys: + and - zoom, arrows move, 0 resets.";

/** Curves whose names are written out. */
const NAMED = 3;

/** The last value of a column. */
function newest(values: ArrayLike<number | null | undefined>): number | undefined {
  for (let i = values.length - 1; i >= 0; i--) if (values[i] != null) return values[i]!;
  return undefined;
}

/** A chart that is given new curves as often as wanted. */
export class Chart {
  readonly element: HTMLElement;
  readonly #options: ChartOptions;
  readonly #title: HTMLElement;
  readonly #place = h("div", { class: "plot" });
  readonly #legend = h("ul", { class: "legend" });
  readonly #onZoom: (zoom: Zoom) => void;
  #plot: uPlot | undefined;
  /** Settings of the present plot. */
  #form = "";
  #curves: readonly Curve[] = [];
  #view: ChartView = { log: false, smoothing: 0, zoom: undefined, range: [0, 0] };

  constructor(options: ChartOptions, onZoom: (zoom: Zoom) => void) {
    const { id, title } = options;
    this.#options = options;
    this.#onZoom = onZoom;
    this.#title = h("h3", { id: `chart-${id}` }, title);
    this.element = h(
      "figure",
      { class: "chart", tabindex: 0, "aria-labelledby": `chart-${id}`, title: KEYS, onkeydown: (event) => this.#key(event as KeyboardEvent) }, // prettier-ignore
      h("figcaption", {}, this.#title, this.#legend),
      this.#place,
    );
    new ResizeObserver(() => this.#fit()).observe(this.#place);
  }

  /** Draws; a chart without a point hides itself. */
  show(curves: readonly Curve[], view: ChartView): void {
    this.#curves = curves.filter(({ points }) => points.x.length > 0);
    this.#view = view;
    this.element.hidden = this.#curves.length === 0;
    if (this.element.hidden) return;
    const lines = this.#curves.flatMap(({ points: _points, label: _label, ...line }): PlotLine[] =>
      this.#smoothed ? [{ ...line, pale: true }, line] : [line],
    );
    const form = JSON.stringify([this.#log, lines]);
    const data = this.#data();
    if (form === this.#form) this.#plot!.setData(data, false);
    else this.#make(form, lines, data);
    const [min, max] = view.zoom ?? view.range;
    this.#plot!.setScale("x", min === max ? { min: min - 1, max: max + 1 } : { min, max });
    this.#tell();
  }

  /** Takes the colours anew. */
  recolour(): void {
    this.#form = "";
    if (!this.element.hidden) this.show(this.#curves, this.#view);
  }

  get #smoothed(): boolean {
    return this.#options.smooth === true && this.#view.smoothing > 0;
  }

  get #log(): boolean {
    return this.#options.log === true && this.#view.log;
  }

  /** For each curve its points and, before them and paler, the points before smoothing. */
  #data(): uPlot.AlignedData {
    const buckets = Math.max(100, Math.round(this.#place.clientWidth));
    const { zoom, range, smoothing } = this.#view;
    const [min, max] = zoom ?? range;
    const drawn = this.#curves.flatMap(({ points: { x, y } }) => {
      const values = this.#log ? y.map((value) => (value > 0 ? value : NaN)) : y;
      const both = this.#smoothed ? [values, smooth(values, smoothing)] : [values];
      return both.map((each) => thinPoints(crop({ x, y: each }, min, max), buckets));
    });
    return align(drawn) as uPlot.AlignedData;
  }

  #make(form: string, lines: readonly PlotLine[], data: uPlot.AlignedData): void {
    this.#form = form;
    this.#plot?.destroy();
    const { format, binary = false } = this.#options;
    this.#plot = makePlot({ lines, log: this.#log, binary, format, onCursor: () => this.#tell(), onZoom: this.#onZoom }, data, this.#place); // prettier-ignore
  }

  /** The curves' values at the cursor, else their newest. */
  #tell(): void {
    const plot = this.#plot;
    const at = plot?.cursor.idx ?? undefined;
    const per = this.#smoothed ? 2 : 1;
    const items = this.#curves.map(({ label, colour, dashed }, i) => {
      const values: ArrayLike<number | null | undefined> = plot?.data[per * i + per] ?? [];
      const value = at === undefined ? newest(values) : values[at];
      const swatch = h("span", { class: dashed ? "swatch dashed" : "swatch" });
      swatch.style.setProperty("--swatch", `var(${colour})`);
      return h(
        "li",
        { title: label },
        swatch,
        h("bdi", { class: "name" }, label),
        h("b", {}, this.#options.format(value ?? undefined)),
      );
    });
    this.#legend.replaceChildren(...items);
    // The table of the runs has the colours too.
    this.#legend.classList.toggle("short", items.length > NAMED);
    const step = at === undefined ? undefined : plot?.data[0][at];
    const { title } = this.#options;
    setText(this.#title, step === undefined ? title : `${title} · step ${Math.round(step).toLocaleString("en")}`);
  }

  #fit(): void {
    const width = this.#place.clientWidth;
    if (!this.#plot || width === 0 || width === this.#plot.width) return;
    this.#plot.setSize({ width, height: HEIGHT });
    this.show(this.#curves, this.#view);
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [...zooms] = zoomByKey(event.key, this.#view.zoom, this.#view.range);
    if (zooms.length === 0) return;
    event.preventDefault();
    this.#onZoom(zooms[0]);
  }
}
