/** The style of the report's page, in light and dark. */

export const pageStyle = `
:root {
  color-scheme: light dark;
  --back: light-dark(#f6f7f9, #14171c);
  --card: light-dark(#ffffff, #1c2027);
  --text: light-dark(#1b1f24, #e4e8ee);
  --soft: light-dark(#5d6673, #9aa4b2);
  --line: light-dark(#d9dee5, #313843);
  --mark: light-dark(#0b62d6, #7fb2ff);
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 20px 24px 40px; max-width: 1500px;
  background: var(--back); color: var(--text);
  font: 14px/1.45 system-ui, sans-serif;
}
h1 { margin: 0; font-size: 20px; overflow-wrap: anywhere; }
h2 { margin: 28px 0 8px; font-size: 15px; }
p { margin: 4px 0; }
.soft { color: var(--soft); overflow-wrap: anywhere; }
.totals { display: flex; flex-wrap: wrap; gap: 10px; margin: 14px 0; padding: 0; }
.totals div {
  padding: 8px 14px; background: var(--card);
  border: 1px solid var(--line); border-radius: 8px;
}
.totals dt { color: var(--soft); font-size: 12px; }
.totals dd { margin: 0; font-size: 17px; font-weight: 600; font-variant-numeric: tabular-nums; }
.bar { display: flex; flex-wrap: wrap; gap: 8px 14px; align-items: center; margin-bottom: 8px; }
.bar label { color: var(--soft); }
select, input {
  font: inherit; color: var(--text); background: var(--card);
  border: 1px solid var(--line); border-radius: 6px; padding: 4px 8px;
}
select { max-width: 320px; }
input { width: 240px; }
.bar .search { margin-left: auto; }
:focus-visible { outline: 2px solid var(--mark); outline-offset: 1px; }
#crumbs { display: flex; flex-wrap: wrap; margin-bottom: 8px; }
#crumbs button {
  font: inherit; color: var(--mark); background: none; border: 0; padding: 2px 4px; cursor: pointer;
}
#crumbs button + button::before { content: "/"; color: var(--soft); margin-right: 8px; }
#crumbs [aria-current] { color: var(--text); font-weight: 600; cursor: default; }
main { display: grid; grid-template-columns: minmax(0, 1fr) 320px; gap: 12px; }
#treemap {
  position: relative; height: 66vh; min-height: 380px; overflow: hidden;
  background: var(--card); border: 1px solid var(--line); border-radius: 8px;
}
.cell {
  position: absolute; overflow: hidden; cursor: pointer;
  font-size: 11px; line-height: 14px; white-space: nowrap;
  color: light-dark(#14181d, #f2f4f7);
  border: 1px solid var(--card);
  background: light-dark(hsl(var(--hue) 62% 76%), hsl(var(--hue) 34% 33%));
}
.cell.open {
  background: light-dark(
    hsl(var(--hue) 45% calc(94% - var(--depth) * 2%)),
    hsl(var(--hue) 20% calc(17% + var(--depth) * 2%))
  );
  border-color: light-dark(hsl(var(--hue) 25% 72%), hsl(var(--hue) 20% 38%));
}
.cell.plain { background: light-dark(#cdd3db, #464e5a); }
.cell.plain.open { background: light-dark(#eceff3, #262b33); border-color: var(--line); }
.cell.small-files { opacity: 0.75; }
.cell:hover:not(.open), .cell:focus-visible { filter: brightness(1.08) saturate(1.2); }
.cell:focus-visible { outline: 3px solid var(--mark); outline-offset: -3px; }
.cell.dimmed:not(.open) { opacity: 0.22; }
.cell.found:not(.open) { box-shadow: inset 0 0 0 2px var(--mark); }
.cell span { display: block; padding: 0 4px; }
.cell .label { padding-top: 1px; overflow: hidden; text-overflow: ellipsis; }
.cell.open .label { font-weight: 600; }
.cell .size { opacity: 0.75; }
aside {
  display: flex; flex-direction: column; height: 66vh; min-height: 380px;
  background: var(--card); border: 1px solid var(--line); border-radius: 8px;
}
#list-title { padding: 8px 12px; border-bottom: 1px solid var(--line); color: var(--soft); }
#list { overflow-y: auto; flex: 1; padding: 4px; }
.row {
  display: flex; gap: 8px; width: 100%; padding: 3px 8px; border: 0; border-radius: 5px;
  font: inherit; text-align: left; color: inherit; cursor: pointer;
  background: linear-gradient(light-dark(#dfe9f7, #2a3646), light-dark(#dfe9f7, #2a3646)) no-repeat;
  background-size: var(--share) 100%;
}
.row:hover { color: var(--mark); }
.row span:first-child { flex: 1; min-width: 0; overflow-wrap: anywhere; }
.row .size, td.number, th.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
.keys { margin-top: 6px; font-size: 12px; }
#tooltip {
  position: fixed; z-index: 9; max-width: min(560px, 90vw); padding: 7px 10px; pointer-events: none;
  background: light-dark(#1b1f24, #f0f3f7); color: light-dark(#f4f6f8, #14181d);
  border-radius: 6px; font-size: 12px; overflow-wrap: anywhere;
  box-shadow: 0 4px 14px rgb(0 0 0 / 30%);
}
#tooltip div:first-child { font-weight: 600; }
#tooltip[hidden] { display: none; }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: 5px 12px; text-align: left; vertical-align: top; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--soft); font-weight: 500; font-size: 12px; }
td.text { overflow-wrap: anywhere; min-width: 11em; }
td.number, th.number { text-align: right; }
@media (max-width: 860px) {
  main { grid-template-columns: minmax(0, 1fr); }
  aside { height: 300px; min-height: 0; }
}
`;
