/** Keeps the view in the page's address, and takes it from there. */
import { addressOf, viewIn } from "./view-address.ts";
import "./dom.ts";
import type { Model } from "./model.ts";

/** ms after a change until it is written: browsers bound how often an address may change. */
const DELAY = 300;

/** @param changed Told when the address has changed the view. */
export function viewSync(model: Model, changed: () => void) {
  let waiting: ReturnType<typeof setTimeout> | undefined;
  const read = () => {
    const { view, table, hidden, chosen } = viewIn(location.hash);
    model.view = { ...model.view, ...view };
    model.table = table;
    model.hidden.clear();
    for (const key of hidden) model.hidden.add(key);
    model.chosen = chosen;
  };
  const write = () => {
    waiting = undefined;
    const { view, table, hidden, chosen } = model;
    const address = addressOf({ view, table, hidden: [...hidden], chosen });
    if (address === location.hash.slice(1)) return;
    history.replaceState(null, "", address === "" ? location.pathname + location.search : `#${address}`);
  };
  read();
  addEventListener("hashchange", () => (read(), changed()));
  return { write: () => void (waiting ??= setTimeout(write, DELAY)) };
}
