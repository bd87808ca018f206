/** The drawing in `docs/architecture.md`: rooms of `src` and their imports, from the code. */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

interface Rules {
  readonly forbidden: readonly { readonly name: string; readonly to: { readonly pathNot?: string } }[];
}

/** The rooms from the top down, as `.dependency-cruiser.cjs` has them. */
export function roomsOf(): string[] {
  const rules = createRequire(import.meta.url)("../../.dependency-cruiser.cjs") as Rules;
  const known = rules.forbidden.find(({ name }) => name === "known-rooms-only")!.to.pathNot!;
  return /\((.*)\)/.exec(known)![1]!.split("|");
}

const roomOf = (file: string) => /^src\/([^/]+)\//.exec(file)?.[1];

/** "cli > run" for every import of one room from another, types included. */
export function importsBetween(): Set<string> {
  const files = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  const found = files.flatMap((name) => {
    const file = join("src", name);
    const targets = [...readFileSync(file, "utf8").matchAll(/(?:\bfrom|^import|\bimport\() ?"(\.[^"]+)"/gm)];
    return targets.map(([, path]) => [roomOf(file), roomOf(join(dirname(file), path!))]);
  });
  return new Set(found.flatMap(([from, to]) => (from && to && from !== to ? `${from} > ${to}` : [])));
}

/** Leaves out an arrow where a longer way leads to the same room. */
export function shortestArrows(arrows: ReadonlySet<string>): string[] {
  const next = (room: string) => [...arrows].flatMap((arrow) => (arrow.startsWith(`${room} > `) ? arrow.split(" > ")[1]! : [])); // prettier-ignore
  const reaches = (from: string, to: string): boolean => next(from).some((room) => room === to || reaches(room, to));
  return [...arrows].filter((arrow) => {
    const [from, to] = arrow.split(" > ") as [string, string];
    return !next(from).some((room) => room !== to && reaches(room, to));
  });
}

function drawing(): string {
  const rooms = roomsOf();
  const place = (arrow: string) => arrow.split(" > ").map((room) => rooms.indexOf(room));
  const arrows = shortestArrows(importsBetween()).sort((a, b) => {
    const [from, to] = place(a) as [number, number];
    const [otherFrom, otherTo] = place(b) as [number, number];
    return from - otherFrom || to - otherTo;
  });
  return ["```mermaid", "flowchart TD", ...arrows.map((arrow) => `  ${arrow.replace(" > ", " --> ")}`), "```"].join(
    "\n",
  );
}

/** The page with the drawing as the code has it. */
export const architecture = (page: string): string => page.replace(/^```mermaid.*?^```$/ms, () => drawing());
