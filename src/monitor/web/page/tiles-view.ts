/** The newest numbers of a run. */
import { numberAt } from "./config-rows.ts";
import { h, setText } from "./dom.ts";
import { bytesText, durationText, number } from "./format.ts";
import type { Model } from "./model.ts";

interface Tile {
  readonly element: HTMLElement;
  show(value: string, note?: string): void;
}

function tile(name: string): Tile {
  const [value, note] = [h("dd", { class: "value" }), h("dd", { class: "note" })];
  return {
    element: h("div", { class: "tile" }, h("dt", {}, name), value, note),
    show(text, more = "") {
      setText(value, text);
      setText(note, more);
    },
  };
}

/** Tiles of the focused run, and how far it is. */
export function tilesView() {
  const names = ["step", "loss", "gradient norm", "learning rate", "images/s", "bits/dim", "bound", "memory"] as const;
  const tiles = Object.fromEntries(names.map((name) => [name, tile(name)])) as Record<(typeof names)[number], Tile>;
  const progress = h("progress", { max: 1, value: 0, "aria-label": "steps done", hidden: true });
  // A list of definitions has nothing else in it.
  tiles.step.element.append(h("dd", {}, progress));
  const element = h("dl", { class: "tiles", "aria-label": "newest values" }, ...names.map((name) => tiles[name].element)); // prettier-ignore

  return {
    element,
    update(model: Model): void {
      const { node } = model;
      element.hidden = node === undefined;
      if (!node) return;
      const last = (name: string) => node.series.get(name)?.last;
      const pace = last("train/seconds_per_step");
      const total = numberAt(model.configs.get(node.run), "training", "steps");
      // The time left is told of the whole run, once; what an older version runs has it here.
      const left = !node.state && total !== undefined && pace !== undefined ? (total - node.step) * pace : 0;
      tiles.step.show(node.step.toLocaleString("en"), total === undefined ? "" : `of ${total.toLocaleString("en")}${left > 0 ? `, ${durationText(left)} left` : ""}`); // prettier-ignore
      progress.hidden = total === undefined;
      progress.value = total === undefined ? 0 : Math.min(1, node.step / total);
      tiles.loss.show(number(last("train/loss")));
      tiles["gradient norm"].show(number(last("train/grad_norm")));
      tiles["learning rate"].show(number(last("train/learning_rate")));
      tiles["images/s"].show(
        number(last("train/images_per_second")),
        pace === undefined ? "" : `${number(1 / pace)} steps/s`,
      );
      // Shows values by the variational dequantizer where nothing else was evaluated.
      const [bpd, bound] = [last("eval/bpd"), last("eval/bound")];
      const learned = (value: number | undefined, other: string) =>
        value === undefined && last(other) !== undefined ? ", variational" : "";
      const by = [learned(bpd, "eval/bpd_variational"), learned(bound, "eval/bound_variational")] as const;
      tiles["bits/dim"].show(number(bpd ?? last("eval/bpd_variational")), `by the ODE${by[0]}`);
      tiles.bound.show(number(bound ?? last("eval/bound_variational")), `bits/dim${by[1]}`);
      tiles.memory.show(bytesText(last("process/rss_bytes")), "resident");
    },
  };
}
