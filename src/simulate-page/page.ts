import type { Plot } from "../simulate/plots.js";
import { drawPlot } from "./draw.js";

/** Draws all plots, and draws them again when the page becomes light or dark. */
const plots = JSON.parse(document.getElementById("plots")?.textContent ?? "[]") as readonly Plot[];
const places = [...document.querySelectorAll<HTMLElement>(".plot")];
const dark = matchMedia("(prefers-color-scheme: dark)");

function drawAll(): void {
  for (const [index, place] of places.entries()) {
    const plot = plots[index];
    if (plot !== undefined) drawPlot(plot, place, dark.matches);
  }
}

dark.addEventListener("change", drawAll);
drawAll();
