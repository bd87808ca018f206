/** The head of the table of runs: a button for each column that can be sorted. */
import { h } from "./dom.ts";
import { arrange } from "./order.ts";
import { nextSort, type Sort } from "./run-rows.ts";

export interface RunColumn {
  /** By which rows are sorted; "" for one by which they are not. */
  readonly key: string;
  readonly head: string;
  readonly title?: string;
}

/** @param onSort Told of the order that is wanted. */
export function runsHead(onSort: (sort: Sort | undefined) => void) {
  const cells = new Map<string, HTMLTableCellElement>();
  const row = h("tr");
  let sort: Sort | undefined;
  const make = ({ key, head, title }: RunColumn) => {
    const onclick = () => onSort(nextSort(sort, key));
    const inner = key === "" ? head : h("button", { type: "button", class: "sort", title, onclick }, head);
    return h("th", { scope: "col" }, inner);
  };
  return {
    element: h("thead", {}, row),
    update(columns: readonly RunColumn[], now: Sort | undefined): void {
      sort = now;
      const wanted = columns.map((column) => {
        const id = JSON.stringify([column.key, column.head]);
        const cell = cells.get(id) ?? make(column);
        cells.set(id, cell);
        if (column.key !== "" && sort?.key === column.key)
          cell.setAttribute("aria-sort", sort.down ? "descending" : "ascending"); // prettier-ignore
        else cell.removeAttribute("aria-sort");
        return cell;
      });
      arrange(row, wanted);
    },
  };
}
