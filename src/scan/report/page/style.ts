/** The style of the page, in light and dark. */

/** Widths of the bars of risk, which may not stand in the page itself: its policy forbids that. */
const bars = Array.from(
  { length: 21 },
  (_, step) => `.b${step}::before { width: calc(36px * ${step / 20}); }`,
).join("\n");

export const pageStyle = `
:root {
  color-scheme: light dark;
  --back: light-dark(#f6f7f9, #14171c);
  --card: light-dark(#ffffff, #1c2027);
  --text: light-dark(#1b1f24, #e4e8ee);
  --soft: light-dark(#586170, #9aa4b2);
  --line: light-dark(#d9dee5, #313843);
  --mark: light-dark(#0b62d6, #7fb2ff);
  --critical: light-dark(#9d1436, #ff8fa3);
  --high: light-dark(#b0450b, #ffa868);
  --medium: light-dark(#856100, #e9c554);
  --low: light-dark(#2d6a3a, #86cf97);
  --unknown: light-dark(#586170, #9aa4b2);
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body {
  margin: 0 auto; padding: 24px 24px 60px; max-width: 1160px;
  background: var(--back); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif;
}
h1 { margin: 0; font-size: 22px; overflow-wrap: anywhere; }
h2 { margin: 0; font-size: 18px; overflow-wrap: anywhere; }
h3 { margin: 26px 0 8px; font-size: 15px; }
p { margin: 4px 0; }
a { color: var(--mark); }
code, pre { font-family: ui-monospace, monospace; font-size: 13px; }
pre {
  margin: 4px 0 0; padding: 8px 12px; overflow-x: auto; user-select: all;
  background: light-dark(#eef1f5, #252b34); border-radius: 6px; white-space: pre-wrap;
}
.soft { color: var(--soft); overflow-wrap: anywhere; }
.vh {
  position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap;
}
.subject { scroll-margin-top: 90px; margin-top: 34px; padding-top: 22px; border-top: 1px solid var(--line); }
.subject:only-child { margin-top: 0; padding-top: 0; border: 0; }
.note {
  margin: 12px 0; padding: 9px 14px; border-radius: 8px; overflow-wrap: anywhere;
  border: 1px solid light-dark(#e3b341, #7a5c12); background: light-dark(#fff7de, #2d2410);
}
.note.bad { border-color: light-dark(#d0526c, #8b3145); background: light-dark(#ffecef, #34151c); }
.verdict { margin: 14px 0 10px; font-size: 16px; }
.counts { display: flex; flex-wrap: wrap; gap: 8px; margin: 0 0 8px; padding: 0; list-style: none; }
.counts li {
  padding: 5px 12px; background: var(--card); border: 1px solid var(--line); border-radius: 8px;
}
.counts b { font-size: 17px; font-variant-numeric: tabular-nums; }
.steps { margin: 0; padding-left: 22px; }
.steps li { margin: 8px 0; }
.filters {
  position: sticky; top: 0; z-index: 2; display: flex; flex-wrap: wrap; gap: 8px 12px;
  align-items: center; margin: 18px 0 0; padding: 10px 0; background: var(--back);
  border-bottom: 1px solid var(--line);
}
.filters label { color: var(--soft); }
select, input, button {
  font: inherit; color: var(--text); background: var(--card);
  border: 1px solid var(--line); border-radius: 6px; padding: 4px 8px;
}
select { max-width: 150px; }
input { width: 200px; }
button { cursor: pointer; }
:focus-visible { outline: 2px solid var(--mark); outline-offset: 1px; }
.rows { background: var(--card); border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
.rows > .none { padding: 10px 14px; }
.entry + .entry { border-top: 1px solid var(--line); }
.titles { color: var(--soft); font-size: 13px; border-bottom: 1px solid var(--line); }
.titles, .entry > summary {
  display: grid; grid-template-columns: 74px minmax(0, 1.1fr) minmax(0, 1.7fr) 118px 62px 88px 16px;
  gap: 2px 14px; align-items: baseline; padding: 8px 14px;
}
.entry > summary { cursor: pointer; list-style: none; }
.entry > summary::-webkit-details-marker { display: none; }
.entry > summary::after {
  content: "›"; color: var(--soft); justify-self: end; grid-column: 7; grid-row: 1;
  transition: rotate 0.1s;
}
.entry[open] > summary::after { rotate: 90deg; }
.entry > summary:hover { background: light-dark(#f3f6fa, #222831); }
.entry > summary:focus-visible { outline-offset: -2px; }
.id { font-weight: 600; overflow-wrap: anywhere; }
.packages { overflow-wrap: anywhere; }
.risk { position: relative; font-weight: 600; font-variant-numeric: tabular-nums; padding-left: 40px; text-align: right; }
.risk::after {
  content: ""; position: absolute; left: 0; top: 0.55em; width: 36px; height: 6px;
  border-radius: 3px; background: var(--line);
}
.risk::before {
  content: ""; position: absolute; left: 0; top: 0.55em; height: 6px; max-width: 36px; z-index: 1;
  border-radius: 3px; background: currentColor;
}
${bars}
.badge { white-space: nowrap; font-weight: 600; }
.critical { color: var(--critical); }
.high { color: var(--high); }
.medium { color: var(--medium); }
.low, .none-severity { color: var(--low); }
.unknown { color: var(--unknown); }
.number { font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap; }
.kev {
  justify-self: start; padding: 0 7px; border-radius: 5px; font-size: 12px; font-weight: 600;
  color: light-dark(#ffffff, #1c0a0f); background: var(--critical);
}
.facts { display: grid; grid-template-columns: 150px minmax(0, 1fr); gap: 3px 14px; margin: 0; padding: 4px 14px 14px 102px; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.group { margin-top: 14px; }
.group > summary { padding: 4px 0; font-weight: 600; cursor: pointer; }
.group > .rows { margin-top: 6px; }
.plain > .entry { padding: 5px 14px; overflow-wrap: anywhere; }
.names { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 0; padding: 10px 14px; list-style: none; }
.names li { overflow-wrap: anywhere; }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: 6px 14px; text-align: left; vertical-align: baseline; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
thead th { border-top: 0; color: var(--soft); font-weight: 500; font-size: 13px; overflow-wrap: normal; }
th.number { text-align: right; }
td.name { min-width: 13em; }
td.next { min-width: 17em; }
@media (max-width: 820px) {
  .filters { position: static; }
  .titles { display: none; }
  .entry > summary { grid-template-columns: 74px minmax(0, 1fr) 16px; }
  .entry > summary > * { grid-column: 2; }
  .entry > summary > .risk { grid-column: 1; grid-row: 1; }
  .entry > summary::after { grid-column: 3; }
  .entry > summary .number { text-align: left; }
  .entry > summary .number .vh { position: static; width: auto; height: auto; clip-path: none; }
  .entry > summary span:empty { display: none; }
  .facts { grid-template-columns: 1fr; padding-left: 14px; }
  .facts dd { margin-bottom: 6px; }
}
@media print { .filters { display: none; } }
`;
