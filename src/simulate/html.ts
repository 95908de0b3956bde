import { readFileSync } from "node:fs";
import type { Headline } from "./headlines.js";
import type { Plot } from "./plots.js";
import type { Table } from "./tables.js";

/** What a page says. */
export interface Page {
  readonly title: string;
  /** What was simulated, in a sentence. */
  readonly about: string;
  /** What makes the same page again. */
  readonly command: string;
  readonly version: string;
  readonly headlines: readonly Headline[];
  readonly plots: readonly Plot[];
  readonly tables: readonly Table[];
}

/**
 * A page that needs nothing but itself: script, style and figures are in it, and its policy keeps it
 * from asking anybody for anything. `assets` is the folder with the built script and style.
 */
export function htmlPage(page: Page, assets: URL): string {
  const script = readFileSync(new URL("page.js", assets), "utf8");
  const style = readFileSync(new URL("page.css", assets), "utf8");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<title>${escapeHtml(page.title)}</title>
<style>
${style.replaceAll("</style", "<\\/style")}</style>
</head>
<body>
<main>
<h1>${escapeHtml(page.title)}</h1>
<p class="note">${escapeHtml(page.about)}</p>
<code class="command">${escapeHtml(page.command)}</code>
<dl class="headlines">
${page.headlines.map(({ label, value }) => `<div><dt>${escapeHtml(label)}</dt><dd>${escapeHtml(value)}</dd></div>`).join("\n")}
</dl>
<div class="plots">
${page.plots.map(plotSection).join("\n")}
</div>
<div class="tables">
${page.tables.map(tableSection).join("\n")}
</div>
<footer>Simulated by gossipd ${escapeHtml(page.version)}: the members are the same code as the agent's, on a network and a clock of their own. The same command gives the same figures. Plots: drag to zoom, double-click to see all, click a name to hide its line. Drawn with uPlot.</footer>
</main>
<script type="application/json" id="plots">${escapeJson(page.plots)}</script>
<script>
${script.replaceAll("</script", "<\\/script")}</script>
</body>
</html>
`;
}

function plotSection({ note, title }: Plot): string {
  const heading = `<h2>${escapeHtml(title)}</h2>\n<p class="note">${escapeHtml(note)}</p>`;
  return `<section>\n${heading}\n<div class="plot"></div>\n</section>`;
}

function tableSection({ columns, note, rows, title }: Table): string {
  const head = columns.map((cell) => `<th scope="col">${escapeHtml(cell)}</th>`).join("");
  const body = rows.map(
    (row) => `<tr>${row.map((cell) => `<td>${escapeHtml(cell)}</td>`).join("")}</tr>`,
  );
  return `<section>
<h2>${escapeHtml(title)}</h2>
<p class="note">${escapeHtml(note)}</p>
<div class="scroll"><table>
<thead><tr>${head}</tr></thead>
<tbody>
${body.join("\n")}
</tbody>
</table></div>
</section>`;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** JSON that cannot end the script it stands in. */
function escapeJson(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}
