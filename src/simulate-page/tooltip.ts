import type uPlot from "uplot";
import type { Axis, Plot } from "../simulate/plots.js";

/** Shows all values at the place that is pointed at or touched. */
export function tooltip(plot: Plot): uPlot.Plugin {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  return {
    hooks: {
      init: (chart) => {
        chart.over.append(tip);
        chart.over.addEventListener("mouseleave", () => {
          tip.hidden = true;
        });
      },
      setCursor: (chart) => {
        const { idx, left = -1 } = chart.cursor;
        const x = idx === undefined || idx === null ? undefined : plot.xs[idx];
        tip.hidden = x === undefined || left < 0;
        if (tip.hidden || x === undefined || idx === undefined || idx === null) return;
        tip.replaceChildren(textLine(show(x, plot.x)), ...valueLines(chart, plot, idx));
        const width = tip.offsetWidth;
        const beside = left + 14 + width > chart.over.clientWidth ? left - width - 14 : left + 14;
        tip.style.transform = `translate(${Math.max(0, beside)}px, 8px)`;
      },
    },
  };
}

function valueLines(chart: uPlot, plot: Plot, index: number): HTMLElement[] {
  return plot.series.flatMap(({ label, ys }, place) => {
    const value = ys[index];
    const line = chart.series[place + 1];
    if (value === undefined || value === null || line?.show === false) return [];
    const element = textLine(`${label}: ${show(value, plot.y)}`);
    const mark = document.createElement("i");
    const { stroke } = line ?? {};
    mark.style.background =
      typeof stroke === "function" ? String(stroke(chart, place + 1)) : String(stroke);
    element.prepend(mark);
    return [element];
  });
}

function textLine(text: string): HTMLElement {
  const element = document.createElement("div");
  element.textContent = text;
  return element;
}

function show(value: number, { unit }: Axis): string {
  const rounded = value >= 1_000 ? Math.round(value) : Number(value.toPrecision(3));
  return `${rounded.toLocaleString("en")} ${unit}`;
}
