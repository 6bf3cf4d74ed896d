// Bars by day, by uPlot; and the same numbers as a table, for whoever does not see them or wants them exactly.

import { fresh, h, put } from "./dom.js";
import { count, day, fullDay, short } from "./show.js";
import { table } from "./table.js";

const HEIGHT = 180;

/**
 * Stacked bars. `days`: names of the places along the axis, such as 2026-01-31; `series`: {label, values} with a number for each
 * day; `unit` is what is counted; `name` and `full` say how a place is written.
 */
export async function days(element, { title, days, series, unit = "", name = day, full = fullDay }) {
  const drawing = h("div", { class: "plot", "aria-hidden": "true" });
  const legend = h("ul", { class: "legend", "aria-hidden": "true" }, series.map((one, index) => h("li", { class: `c${index + 1}` }, one.label)));
  const tip = h("p", { class: "tip", "aria-hidden": "true" }, " ");
  const id = fresh("chart");
  const columns = [{ title: "Day", cell: (index) => full(days[index]) }, ...series.map((one) => ({ title: one.label, number: true, cell: (index) => count(one.values[index] ?? 0) }))];
  const used = days.map((_, index) => index).filter((index) => series.some((one) => one.values[index]));
  const numbers = h("details", {}, h("summary", {}, "The numbers"), table({ caption: title, columns, rows: used.reverse(), empty: "Nothing in this time." }));
  put(element, h("figure", { class: "chart", "aria-labelledby": id }, h("figcaption", { id }, title, unit && h("span", { class: "unit" }, ` ${unit}`)), legend, drawing, tip, numbers));
  const draw = () => plot(drawing, tip, { days, series, name, full });
  await (globalThis.uPlot ? null : library().catch(() => null)); // at least until the element stands in the page: colours and width come of it
  if (!globalThis.uPlot) {
    drawing.remove();
    tip.remove();
    numbers.open = true;
    return;
  }
  let drawn = draw();
  const again = () => {
    if (!drawing.isConnected) return matchMedia("(prefers-color-scheme: dark)").removeEventListener("change", again);
    drawn.destroy();
    drawn = draw();
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  new ResizeObserver(([{ contentRect }]) => contentRect.width && drawn.setSize({ width: contentRect.width, height: HEIGHT })).observe(drawing);
}

let loading;

/** The chart library: asked for when there is something to draw. */
function library() {
  loading ??= new Promise((resolve, reject) => {
    document.head.append(h("link", { rel: "stylesheet", href: "vendor/uPlot.min.css" }));
    document.head.append(h("script", { src: "vendor/uPlot.iife.min.js", on: { load: resolve, error: reject } }));
  });
  return loading;
}

function plot(drawing, tip, { days, series, name, full }) {
  const styles = getComputedStyle(drawing);
  const color = (token) => styles.getPropertyValue(token).trim();
  const stacked = series.map((_, index) => days.map((_, at) => series.slice(0, index + 1).reduce((sum, one) => sum + (one.values[at] ?? 0), 0)));
  const axis = { stroke: color("--quiet"), font: `12px ${styles.fontFamily}`, ticks: { show: false } };
  const bars = uPlot.paths.bars({ size: [0.72, 28], radius: 0.15 });
  const options = {
    width: drawing.clientWidth || 320,
    height: HEIGHT,
    padding: [8, 22, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: { x: { time: false, range: [-0.6, days.length - 0.4] }, y: { range: (_, low, high) => [0, Math.max(high, 1) * 1.05] } },
    axes: [
      { ...axis, grid: { show: false }, splits: () => marks(days.length), values: (_, at) => at.map((index) => name(days[index])), size: 28 },
      { ...axis, grid: { stroke: color("--line"), width: 1 }, values: (_, at) => at.map(short), size: 46, space: 36 },
    ],
    series: [{}, ...series.map((one, index) => ({ label: one.label, fill: color(`--c${index + 1}`), width: 0, paths: bars, points: { show: false } })).reverse()],
    hooks: { setCursor: [(chart) => put(tip, told(chart.cursor.idx))] },
  };
  const told = (at) => (at === null || at === undefined ? " " : `${full(days[at])}: ${series.map((one) => `${one.label} ${count(one.values[at] ?? 0)}`).join(", ")}`);
  return new uPlot(options, [days.map((_, index) => index), ...stacked.reverse()], drawing);
}

/** Where names stand along an axis: about five of them, the last always. */
function marks(length) {
  const step = Math.max(1, Math.ceil(length / 5));
  return Array.from({ length }, (_, index) => index).filter((index) => (length - 1 - index) % step === 0);
}
