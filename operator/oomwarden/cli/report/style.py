"""The style sheet: light and dark, from a phone to paper."""

_COLOURS = """
:root {
  color-scheme: light dark;
  --paper: #ffffff; --card: #f7f7f5; --text: #1b1d21; --quiet: #5b616b; --line: #dfe1e4;
  --link: #1d57a8; --accent: #2f5f9e; --area: #2f5f9e22; --limit: #a8322a; --code: #eeeeeb;
  --container: #b4443c; --pod: #a86a10; --allocatable: #3f6fb5; --node: #25364f; --numa: #7457a8;
  --unknown: #767c86; --hatch: #ffffff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15171b; --card: #1d2025; --text: #e8e9eb; --quiet: #a3a9b3; --line: #343840;
    --link: #8fb8f0; --accent: #8fb8f0; --area: #8fb8f026; --limit: #f08c82; --code: #282c33;
    --container: #e2776d; --pod: #dba33f; --allocatable: #78a3e0; --node: #c3d0e3; --numa: #ab98e3;
    --unknown: #949aa5; --hatch: #15171b;
  }
}
"""
_TEXT = """
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body {
  margin: 0 auto; max-width: 70rem; padding: clamp(1.25rem, 4vw, 3.5rem) clamp(1rem, 4vw, 2.5rem);
  background: var(--paper); color: var(--text);
  font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  overflow-wrap: break-word;
}
h1, h2, h3, h4, p, dl, dd, ul, ol, figure { margin: 0; }
h1 { font-size: clamp(1.7rem, 5vw, 2.6rem); line-height: 1.15; letter-spacing: -0.02em;
  max-width: 24em; text-wrap: balance; }
h2 { font-size: 1.35rem; line-height: 1.3; letter-spacing: -0.01em; margin-bottom: 1.1rem; }
h3 { font-size: 1.02rem; line-height: 1.4; }
h4 { font-size: 0.85rem; margin: 1.1rem 0 0.4rem; color: var(--quiet); font-weight: 600; }
p, li, dd { max-width: 44rem; }
a { color: var(--link); text-underline-offset: 0.2em; }
code { font: 0.88em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
small, .note { font-size: 0.875rem; color: var(--quiet); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.defs { position: absolute; }
"""
_HEAD = """
.scope { font-weight: 600; color: var(--quiet); margin-bottom: 0.5rem; }
.when { margin-top: 0.75rem; color: var(--quiet); }
.figures { display: grid; grid-template-columns: 2fr 1fr 1fr 1fr; gap: 1.5rem;
  margin-top: 2.25rem; padding: 1.5rem 0; border-block: 1px solid var(--line); }
.figures dt { order: 2; font-size: 0.9rem; }
.figures .compared { order: 3; font-size: 0.875rem; color: var(--quiet); margin-top: 0.35rem; }
.figures .big { order: 1; font-size: 2.1rem; line-height: 1.15; font-weight: 650;
  letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
.figures div { display: flex; flex-direction: column; }
nav ul { list-style: none; padding: 0; margin-top: 1.25rem; display: flex; flex-wrap: wrap;
  gap: 0.35rem 1.25rem; font-size: 0.9rem; }
nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; }
section { margin-top: 3.5rem; }
main > section > p + p { margin-top: 0.75rem; }
footer { margin-top: 4rem; padding-top: 1rem; border-top: 1px solid var(--line);
  font-size: 0.875rem; color: var(--quiet); }
"""
_CHARTS = """
.chart { display: block; overflow: visible; }
.chart text { font-size: 12px; fill: var(--quiet); font-variant-numeric: tabular-nums; }
.halo { paint-order: stroke; stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round; }
.card .halo { stroke: var(--card); }
.grid { stroke: var(--line); }
.axis { stroke: var(--quiet); }
.hatch { stroke: var(--hatch); stroke-width: 1.2; fill: none; }
.ink-pod { fill: var(--pod); } .ink-allocatable { fill: var(--allocatable); }
.ink-node { fill: var(--node); } .ink-numa { fill: var(--numa); }
.ink-unknown { fill: var(--unknown); }
.cause-container { fill: var(--container); } .cause-pod { fill: url(#texture-pod); }
.cause-allocatable { fill: url(#texture-allocatable); } .cause-node { fill: url(#texture-node); }
.cause-numa { fill: url(#texture-numa); } .cause-unknown { fill: url(#texture-unknown); }
figcaption { margin-top: 0.6rem; font-size: 0.9rem; color: var(--quiet); }
.legend li { display: flex; }
.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 0.3rem 1.25rem;
  margin-bottom: 0.75rem; font-size: 0.9rem; }
.cause { white-space: nowrap; }
.swatch { margin-right: 0.4em; vertical-align: -0.08em; }
.cause .count { margin-left: 0.35em; }
.count { color: var(--quiet); font-variant-numeric: tabular-nums; font-weight: 400; }
.area { fill: var(--area); }
.curve { fill: none; stroke: var(--accent); stroke-width: 2; stroke-linejoin: round; }
.limit { stroke: var(--limit); stroke-width: 1.5; stroke-dasharray: 6 4; }
.chart .limit-text, .chart .kill-text { fill: var(--limit); }
.kill { stroke: var(--limit); stroke-width: 2; }
.spark { display: block; fill: var(--accent); }
.bar { display: block; }
.track { fill: var(--line); } .fill { fill: var(--accent); }
details { margin-top: 1rem; font-size: 0.9rem; }
summary { cursor: pointer; color: var(--link); width: fit-content; }
details .scroll { margin-top: 0.75rem; }
"""
_TABLES = """
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
caption { text-align: left; color: var(--quiet); font-size: 0.875rem; padding-bottom: 0.5rem; }
th, td { text-align: left; vertical-align: top; padding: 0.65rem 1.25rem 0.65rem 0;
  border-bottom: 1px solid var(--line); }
thead th { font-weight: 600; color: var(--quiet); font-size: 0.8rem; white-space: nowrap;
  border-bottom-color: var(--quiet); }
tbody th { font-weight: 600; min-width: 9rem; }
th:last-child, td:last-child { padding-right: 0; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
td .bar { min-width: 9rem; margin: 0.3rem 0 0.35rem; }
td time, .amounts { white-space: nowrap; }
.causes { display: flex; flex-wrap: wrap; gap: 0 0.9rem; font-size: 0.8rem; color: var(--quiet); }
.namespace { display: block; font-weight: 400; font-size: 0.8rem; color: var(--quiet); }
.prose { min-width: 18rem; max-width: 32rem; }
.note { margin-top: 0.6rem; }
"""
_CARDS = """
.cards { display: grid; gap: 1.25rem;
  grid-template-columns: repeat(auto-fill, minmax(min(28rem, 100%), 1fr)); }
.card { background: var(--card); border-radius: 10px; padding: 1.25rem; min-width: 0;
  display: flex; flex-direction: column; }
.card > p, .card li { font-size: 0.9rem; }
.facts { margin: 0.25rem 0 1rem; color: var(--quiet); }
.facts .cause { color: var(--text); }
.badge { display: inline-block; font-size: 0.8rem; font-weight: 600; color: var(--text);
  border: 1px solid var(--quiet); border-radius: 99px; padding: 0 0.6em; }
.parts div { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1.1fr); gap: 0.75rem;
  font-size: 0.875rem; padding: 0.2rem 0; }
.parts dd { font-variant-numeric: tabular-nums; }
.parts .bar { margin-top: 0.2rem; }
.victims { list-style: none; padding: 0; }
.victims + p { color: var(--quiet); margin-top: 0.25rem; }
.more { margin-top: auto; padding-top: 1rem; overflow-wrap: anywhere; }
.meanings div { display: grid; grid-template-columns: 14rem minmax(0, 1fr); gap: 0.25rem 1.5rem;
  padding: 0.7rem 0; border-bottom: 1px solid var(--line); }
.meanings dt { font-weight: 600; }
.remedies { list-style: none; padding: 0; }
.remedies > li { padding: 1.1rem 0; border-bottom: 1px solid var(--line); max-width: none; }
.remedies > li:first-child, .meanings div:first-child { padding-top: 0; }
.remedies h3 { display: flex; flex-wrap: wrap; gap: 0 0.75rem; }
.remedies p { margin-top: 0.6rem; }
.remedies h3 + p { margin-top: 0.2rem; }
pre { margin: 0.6rem 0 0; padding: 0.65rem 0.9rem; background: var(--code); border-radius: 6px;
  overflow-x: auto; }
section > ul { padding-left: 1.2rem; }
section > ul > li + li { margin-top: 0.3rem; }
section > ul + .scroll { margin-top: 1.5rem; }
.scroll + p { margin-top: 0.75rem; }
"""
_NARROW = """
@media (max-width: 40rem) {
  .figures { grid-template-columns: repeat(3, 1fr); gap: 1.25rem 1rem; }
  .figures div:first-child { grid-column: 1 / -1; }
  .minor { display: none; }
  .meanings div, .parts div { grid-template-columns: minmax(0, 1fr); gap: 0.1rem; }
  section { margin-top: 2.75rem; }
}
"""
_PRINT = """
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav, summary { display: none; }
  section { margin-top: 1.5rem; }
  .card, tr, figure, .remedies > li { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .scroll { overflow: visible; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
STYLE = _COLOURS + _TEXT + _HEAD + _CHARTS + _TABLES + _CARDS + _NARROW + _PRINT
