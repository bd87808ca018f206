/** Slurm's lists of nodes. */
import { UsageError } from "../base/errors.ts";

/** `01-03` as 01, 02, 03: leading zeros give the width. */
function range(text: string, list: string): string[] {
  const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  if (first === undefined || last === undefined || Number(last) < Number(first)) throw unreadable(list);
  const count = Number(last) - Number(first) + 1;
  return Array.from({ length: count }, (_, i) => String(Number(first) + i).padStart(first.length, "0"));
}

const unreadable = (list: string) =>
  new UsageError(
    `node list ${JSON.stringify(list)}: not a node list of Slurm`,
    "set MASTER_ADDR to the host of rank 0, for example in the batch script: " +
      'export MASTER_ADDR=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)',
  );

/**
 * The hosts of a node list in order: `node[01-03,07],login1` is node01, node02, node03, node07, login1. A name may have
 * several brackets.
 *
 * @throws UsageError for anything else.
 * @see scontrol(1), "show hostnames"
 */
export function expandNodeList(list: string): string[] {
  // A comma between brackets does not separate names.
  const names = list.match(/(?:[^,[\]]|\[[^[\]]*\])+/g) ?? [];
  if (names.length === 0 || names.join(",") !== list) throw unreadable(list);
  return names.flatMap((name) =>
    name
      .split(/\[([^\]]*)\]/)
      .map((part, i) => (i % 2 ? part.split(",").flatMap((text) => range(text, list)) : [part]))
      .reduce((heads, tails) => heads.flatMap((head) => tails.map((tail) => head + tail))),
  );
}
