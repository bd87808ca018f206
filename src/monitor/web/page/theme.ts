/** Light, dark, or as the system has it. */
import { h, setText } from "./dom.ts";

const THEMES = ["auto", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];
const KEY = "scorestream-theme";

const stored = (): Theme => THEMES.find((theme) => theme === localStorage.getItem(KEY)) ?? "auto";

/** The colour that a CSS variable stands for now. */
export function colour(variable: string): string {
  const probe = h("span");
  probe.style.color = `var(${variable})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** A colour through which others are seen. */
export const translucent = (color: string): string => color.replace(/^rgb\((.*)\)$/, "rgba($1, 0.18)");

/** The switch; `onChange` is told of the system's changes too. */
export function themeSwitch(onChange: () => void): HTMLElement {
  let theme = stored();
  const label = h("span", { class: "theme-label" });
  const show = () => {
    if (theme === "auto") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
    setText(label, `Theme: ${theme}`);
  };
  const next = () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]!;
    localStorage.setItem(KEY, theme);
    show();
    onChange();
  };
  show();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", onChange);
  return h("button", { type: "button", class: "quiet", id: "theme", onclick: next }, label);
}
