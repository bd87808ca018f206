/** A button that deletes the record of the run whose details are shown. */
import { deleteRecord } from "./api.ts";
import { h, setText } from "./dom.ts";

/** @param done Told when a record is gone. */
export function deleteView(done: () => void) {
  const said = h("span", { class: "note", role: "status" });
  let run = "";
  const ask = async () => {
    const which = run;
    if (!confirm(`Delete the record of run ${which}? Its metrics are lost; its own folder stays.`)) return;
    const why = await deleteRecord(which);
    setText(said, why === undefined ? `${which} was deleted.` : `${which} was not deleted: ${why}`);
    if (why === undefined) done();
  };
  const button = h("button", { type: "button", id: "delete-run", onclick: () => void ask() }, "Delete the record");
  button.hidden = true;
  return {
    element: h("div", { class: "controls" }, button, said),
    /** @param deletable The record is the server's own, and the run is over. */
    update(of: string, deletable: boolean): void {
      run = of;
      button.hidden = !deletable;
      button.setAttribute("aria-label", `Delete the record of run ${of}`);
    },
  };
}
