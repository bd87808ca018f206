/** Finds the differences between work that was done before and the work that is asked for now. */
import type { Work } from "./manifest.ts";

type File = Work["files"][number];

/** Work of earlier versions does not say what it was made from: then its files do. */
const sameFrom = (before: Work, now: Work): boolean =>
  before.from === undefined || now.from === undefined
    ? before.files.some(({ path }) => now.files.some((file) => file.path === path)) ||
      before.files.length + now.files.length === 0
    : before.from === now.from;

/** True when both are the same data in the same form, whether or not their contents are equal. */
export function sameTask(before: Work, now: Work): boolean {
  const rest = ({ files: _, from: __, resizing: ___, formatFile: ____, ...others }: Work) => JSON.stringify(others);
  return rest(before) === rest(now) && sameFrom(before, now);
}

function changeOfFile(before: File, now: File): string | undefined {
  const parts = [
    ...(before.images === now.images
      ? []
      : [`${before.images ?? "an unknown number of"} images, now ${now.images ?? 1}`]),
    ...(before.bytes === now.bytes ? [] : [`${before.bytes} bytes, now ${now.bytes}`]),
    ...(before.modified === now.modified ? [] : [`written ${timeOf(before)}, now ${timeOf(now)}`]),
    ...(before.listing === now.listing ? [] : ["names, sizes or times of images in it"]),
  ];
  return parts.length > 0 ? `${now.path} changed (${parts.join("; ")})` : undefined;
}

const timeOf = ({ modified }: File) => new Date(modified).toISOString();

/** Describes the change in the sources, for a message; undefined when nothing changed. */
export function changeOf(before: Work, now: Work): string | undefined {
  if (!sameTask(before, now)) return "other data or options than before";
  const [old, files] = [before.files, now.files].map((list) => new Map(list.map((file) => [file.path, file])));
  const added = now.files.find(({ path }) => !old!.has(path));
  const gone = before.files.find(({ path }) => !files!.has(path));
  if (added) return `${added.path} is new`;
  if (gone) return `${gone.path} is gone`;
  return now.files.map((file) => changeOfFile(old!.get(file.path)!, file)).find(Boolean);
}

/** The same for work that is not done: shards of two forms of resizing are not mixed, while those that are done stay. */
export function changeOfUnfinished(before: Work, now: Work): string | undefined {
  const change = changeOf(before, now);
  if (change !== undefined || before.resizing === now.resizing) return change;
  return "images are now resized closer to Pillow's result";
}
