/** Looks of the report's page: light and dark, from a telephone's width on. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: light-dark(#f6f7f9, #14161a); --card: light-dark(#fff, #1d2026); --line: light-dark(#dfe3e8, #343942);
  --text: light-dark(#1b1f24, #e6e9ee); --quiet: light-dark(#5c6670, #9aa4b0);
  --own: light-dark(#2357c5, #7ea6ff); --other: light-dark(#8a94a0, #77818d); --mean: light-dark(#b3471d, #ff9d6c);
}
* { box-sizing: border-box; }
body {
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; margin: 0; padding: 2rem 1rem 4rem;
  background: var(--page); color: var(--text); overflow-wrap: break-word;
}
main { max-width: 62rem; margin: 0 auto; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0; }
h2 { font-size: 1.15rem; margin: 0 0 .25rem; }
p { margin: .25rem 0; }
.kicker { color: var(--quiet); margin: 0; }
.quiet, figcaption, .axis, summary { color: var(--quiet); font-size: .875rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1.1rem 1.25rem; margin-top: 1rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 13rem), 1fr)); gap: 1rem; margin-top: 1.25rem; }
.tiles section { margin: 0; }
.tiles b { display: block; font-size: 1.9rem; line-height: 1.25; font-weight: 650; }
.tiles .own b { color: var(--own); }
.tiles small { font-size: 1rem; font-weight: 400; color: var(--quiet); white-space: nowrap; }
table { border-collapse: collapse; width: 100%; margin-top: .6rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; font-weight: 400; padding: .35rem 1rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: baseline; }
thead :is(th, td) { color: var(--quiet); font-size: .875rem; }
tr:last-child > * { border-bottom: 0; }
.numbers td, .numbers thead th:not(:first-child) { text-align: right; padding-right: 0; padding-left: 1rem; }
.wide { overflow-x: auto; }
.wide th[scope="row"], .wide thead tr > :first-child { position: sticky; left: 0; background: var(--card); }
.facts td { overflow-wrap: anywhere; }
.pair { display: flex; flex-wrap: wrap; align-items: start; gap: 0 1rem; }
.pair > section { flex: 1 1 min(100%, 20rem); min-width: 0; }
.published { font-size: .9375rem; min-width: 42rem; }
.published :is(td, thead th):nth-child(n + 6) { text-align: right; }
.published :is(td, thead th):nth-child(n + 3) { white-space: nowrap; }
.published :is(td, th):last-child { padding-right: 0; }
ol { margin: .75rem 0 0; padding-left: 1.5rem; }
.ladder .name { white-space: nowrap; }
.ladder .value { text-align: right; white-space: nowrap; padding-right: 0; }
.ladder .own .name, .ladder .own .value, .published .own > * { font-weight: 650; color: var(--own); }
.track { width: 100%; padding-right: 1.5rem; }
.track div { position: relative; height: .9rem; }
.track div::before { content: ""; position: absolute; inset: calc(50% - .5px) 0 auto; border-top: 1px dotted var(--line); }
.track i, .track s { position: absolute; top: 50%; transform: translate(-50%, -50%); background: var(--other); }
.track i { width: .7rem; height: .7rem; border-radius: 50%; }
.track s { height: 3px; border-radius: 2px; opacity: .55; }
.own .track i, .own .track s { background: var(--own); }
.axis { position: relative; height: 1.4rem; }
.axis span { position: absolute; transform: translateX(-50%); white-space: nowrap; }
.histogram { position: relative; height: 12rem; margin: 2.4rem 1rem 0; border-bottom: 1px solid var(--quiet); }
.histogram div { position: absolute; bottom: 0; background: var(--own); border-radius: 2px 2px 0 0; }
.histogram div:hover { opacity: .7; }
.histogram u { position: absolute; top: -1.4rem; bottom: 0; border-left: 2px dashed var(--mean); text-decoration: none; }
.histogram u span { position: absolute; left: .4rem; top: -.3rem; color: var(--mean); font-size: .875rem; white-space: nowrap; }
.histogram u.late span { left: auto; right: .4rem; }
.ticks { margin: .2rem 1rem 0; }
.gallery { display: grid; grid-template-columns: repeat(8, 1fr); gap: .6rem; margin-top: .6rem; }
figure { margin: 0; }
.gallery figcaption { text-align: center; line-height: 1.3; margin-top: .15rem; font-variant-numeric: tabular-nums; }
img { display: block; image-rendering: pixelated; border-radius: .25rem; }
.gallery img { width: 100%; }
img.grid { width: min(100%, 36rem); margin-top: .6rem; }
summary { cursor: pointer; margin-top: .6rem; }
pre { overflow: auto; max-height: 32rem; background: var(--page); border: 1px solid var(--line); border-radius: .4rem; padding: .75rem; font-size: .8125rem; white-space: pre-wrap; overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  body { padding: 1.25rem .75rem 3rem; }
  section { padding: .9rem; }
  .gallery { grid-template-columns: repeat(4, 1fr); }
  .ladder thead { display: none; }
  .ladder tr { display: grid; grid-template-columns: 1fr auto; border-bottom: 1px solid var(--line); padding: .35rem 0; }
  .ladder th, .ladder td { border: 0; padding: 0; }
  .ladder .name { white-space: normal; padding-right: .75rem; }
  .ladder .value { order: 2; }
  .ladder .track { order: 3; grid-column: 1 / 3; padding: 0 .5rem; }
  .numbers th { min-width: 7rem; }
}
@media print { body { background: none; } section { break-inside: avoid; } }
`;
