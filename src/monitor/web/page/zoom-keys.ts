/** Zooming by keyboard. */

/** Steps shown; undefined: all. */
export type Zoom = readonly [number, number] | undefined;

/**
 * Changes the zoom by a key: plus and minus about the middle, arrows by an eighth, 0 and Escape back to all.
 *
 * @param range First and last step of all.
 * @returns The new zoom in a list; an empty one for a key that does nothing.
 */
export function zoomByKey(key: string, zoom: Zoom, range: readonly [number, number]): readonly [Zoom] | readonly [] {
  const [min, max] = zoom ?? range;
  const width = max - min;
  const to = (from: number, until: number): readonly [Zoom] =>
    from <= range[0] && until >= range[1] ? [undefined] : [[from, until]];
  switch (key) {
    case "+":
    case "=":
      return to(min + width / 4, max - width / 4);
    case "-":
      return to(min - width / 2, max + width / 2);
    case "ArrowLeft":
      return zoom ? to(min - width / 8, max - width / 8) : [];
    case "ArrowRight":
      return zoom ? to(min + width / 8, max + width / 8) : [];
    case "0":
    case "Escape":
      return [undefined];
    default:
      return [];
  }
}
