/** The order of elements, changed without taking the focus from where a person put it. */
import "./dom.ts";

/** Makes `wanted` the children of `parent`; touches nothing that is in its place. */
export function arrange(parent: Element, wanted: readonly HTMLElement[]): void {
  const active = document.activeElement as HTMLElement | null;
  const stay = new Set<Element>(wanted);
  for (const child of [...parent.children]) if (!stay.has(child)) child.remove();
  wanted.forEach((element, i) => {
    const there = parent.children[i];
    if (there !== element) parent.insertBefore(element, there ?? null);
  });
  // What is moved loses it.
  if (active && active !== document.activeElement && parent.contains(active)) active.focus({ preventScroll: true });
}
