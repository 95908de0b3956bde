import uPlot from "uplot";
import type { Axis, Plot, Series } from "../simulate/plots.js";
import { tooltip } from "./tooltip.js";

const height = 300;

/** Told apart by those who do not see all colours, on white and on black. */
const palettes = {
  light: ["#0b6bcb", "#c2410c", "#15803d", "#7c3aed", "#b8860b", "#be185d", "#0e7490", "#525252"],
  dark: ["#6cb2ff", "#ff9a5c", "#5fd38a", "#b79bff", "#e8c15a", "#ff86b8", "#55cfe0", "#b5b5b5"],
};

/** What is drawn where, to be removed before it is drawn anew. */
const drawn = new Map<HTMLElement, { chart: uPlot; watch: ResizeObserver }>();

export function drawPlot(plot: Plot, place: HTMLElement, dark: boolean): void {
  const before = drawn.get(place);
  before?.watch.disconnect();
  before?.chart.destroy();
  const palette = dark ? palettes.dark : palettes.light;
  const ink = dark ? "#98a3b3" : "#5d6878";
  const grid = dark ? "#2c3542" : "#e6eaef";
  const options: uPlot.Options = {
    width: place.clientWidth,
    height,
    scales: { x: scaleOf(plot.x, plot.xs), y: scaleOf(plot.y, []) },
    axes: [axisOf(plot.x, ink, grid, plot.xs), { ...axisOf(plot.y, ink, grid, []), size: 62 }],
    series: [{}, ...plot.series.map((series) => lineOf(series, palette, plot.xs.length < 20))],
    legend: {
      live: false,
      markers: {
        width: 2,
        stroke: (_chart, place) => colourOf(plot.series[place - 1], palette),
        fill: (_chart, place) => {
          const series = plot.series[place - 1];
          return series?.dashed === true ? "transparent" : colourOf(series, palette);
        },
      },
    },
    cursor: { drag: { x: true, y: false }, points: { size: 7 } },
    plugins: [tooltip(plot)],
  };
  const chart = new uPlot(options, [[...plot.xs], ...plot.series.map(({ ys }) => [...ys])], place);
  const watch = new ResizeObserver(() => chart.setSize({ width: place.clientWidth, height }));
  watch.observe(place);
  drawn.set(place, { chart, watch });
}

function scaleOf({ log, unit }: Axis, xs: readonly number[]): uPlot.Scale {
  const common = { time: false, ...(log ? { distr: 3 as const } : {}) };
  if (unit === "%") return { ...common, range: [0, 102] };
  const [first, last] = [xs[0], xs.at(-1)];
  // A little room beside the outermost sizes, which would stand on the edge.
  if (log && first !== undefined && last !== undefined) {
    return { ...common, range: [first * 0.7, last * 1.4] };
  }
  if (first !== undefined || log) return common;
  return { ...common, range: (_chart, _least, most) => [0, most * 1.1 || 1] };
}

function axisOf(axis: Axis, ink: string, grid: string, xs: readonly number[]): uPlot.Axis {
  const font = "12px system-ui, sans-serif";
  const base: uPlot.Axis = {
    label: axis.label,
    stroke: ink,
    font,
    labelFont: font,
    labelSize: 22,
    grid: { stroke: grid, width: 1 },
    ticks: { stroke: grid, width: 1 },
    values: (_chart, splits) => splits.map((split) => (split === null ? "" : tick(split))),
  };
  // Sizes are few: each has its own place on the axis.
  if (axis.log && xs.length > 0) {
    return { ...base, splits: () => [...xs], filter: (_chart, splits) => splits };
  }
  return base;
}

function tick(value: number): string {
  if (value >= 1e6) return `${trimmed(value / 1e6)} M`;
  if (value >= 10_000) return `${trimmed(value / 1_000)} k`;
  return trimmed(value);
}

function trimmed(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function colourOf(series: Pick<Series, "colour"> | undefined, palette: readonly string[]): string {
  return palette[(series?.colour ?? 0) % palette.length] ?? "#888888";
}

function lineOf(
  { colour, dashed, label, stepped }: Series,
  palette: readonly string[],
  marked: boolean,
): uPlot.Series {
  const stroke = colourOf({ colour }, palette);
  const stepper = uPlot.paths.stepped?.({ align: 1 });
  return {
    label,
    stroke,
    width: 2,
    spanGaps: false,
    points: marked ? { show: true, size: 7, fill: stroke } : { show: false },
    ...(dashed ? { dash: [6, 4] } : {}),
    ...(stepped && stepper !== undefined ? { paths: stepper } : {}),
  };
}
