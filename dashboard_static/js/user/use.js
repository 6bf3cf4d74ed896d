// Thirty days of use: by day, tokens in and out apart, and by model.

import { days } from "../kit/chart.js";
import { h } from "../kit/dom.js";
import { count, credits, lastDays, short } from "../kit/show.js";
import { nothing, ready, shown } from "../kit/states.js";
import { table } from "../kit/table.js";
import { account, refresh, told } from "./account.js";

const DAYS = 30;
const DRAWN = 3;
let fresh = true;

export function show(panel, within) {
  const [byDay, byModel] = [h("div"), h("div")];
  ready(panel, h("h2", {}, "The last 30 days"), byDay, byModel);
  const load = fresh ? () => account() : refresh;
  fresh = false;
  shown(byDay, load, ({ use }) => drawnByDay(byDay, use, within));
  shown(byModel, models, (use) => drawnByModel(use));
}

/** Use by model; null where this gateway does not tell it apart. */
async function models() {
  try {
    return await told("GET", "/account/use", { query: { days: DAYS } });
  } catch (problem) {
    if (problem.status === 404) return null;
    throw problem;
  }
}

function drawnByDay(element, use, within) {
  const names = lastDays(DAYS);
  const by = new Map(use.map((one) => [one.day, one]));
  const values = (name) => names.map((day) => by.get(day)?.[name] ?? 0);
  const sum = (name) => values(name).reduce((all, value) => all + value, 0);
  if (!sum("requests")) {
    nothing(element, "Nothing was asked in these days. Try a first question here, or take the code along.", h("p", { class: "actions" }, go(within, "try", "Try it"), go(within, "code", "Code")));
    return [...element.childNodes];
  }
  const chart = h("div", { class: "card" });
  days(chart, {
    title: "Tokens by day",
    unit: `${short(sum("input_tokens") + sum("output_tokens"))} in 30 days`,
    days: names,
    series: [
      { label: "Input", values: values("input_tokens") },
      { label: "Output", values: values("output_tokens") },
    ],
  });
  const tile = (label, value) => h("div", { class: "number" }, h("dt", {}, label), h("dd", {}, value));
  const sums = [
    tile("Requests", count(sum("requests"))),
    tile("Input tokens", count(sum("input_tokens"))),
    tile("Output tokens", count(sum("output_tokens"))),
    tile("Credits", credits(sum("credits"))),
  ];
  return [h("dl", { class: "card sums" }, sums), chart];
}

const go = (within, id, text) => h("button", { type: "button", class: "quiet", on: { click: () => within.go(id) } }, text);

function drawnByModel(use) {
  if (!use?.models.length) return [];
  const names = lastDays(DAYS);
  const by = new Map(use.days.map((one) => [one.day, one.models]));
  const ranked = use.models.toSorted((one, other) => other.credits - one.credits).map((one) => one.model);
  const [first, rest] = ranked.length > DRAWN + 1 ? [ranked.slice(0, DRAWN), ranked.slice(DRAWN)] : [ranked, []];
  const values = (models) => names.map((day) => models.reduce((sum, model) => sum + (by.get(day)?.[model]?.credits ?? 0), 0));
  const series = first.map((model) => ({ label: model || "unknown", values: values([model]) }));
  if (rest.length) series.push({ label: `${rest.length} others`, values: values(rest) });
  const chart = ranked.length > 1 && h("div", { class: "card" });
  const numbers = table({
    caption: "Use by model, in 30 days",
    columns: [
      { title: "Model", cell: (one) => one.model || "unknown" },
      { title: "Requests", number: true, cell: (one) => count(one.requests) },
      { title: "Input", number: true, cell: (one) => count(one.input_tokens) },
      { title: "Output", number: true, cell: (one) => count(one.output_tokens) },
      { title: "Credits", number: true, cell: (one) => credits(one.credits) },
    ],
    rows: use.models.toSorted((one, other) => other.credits - one.credits),
  });
  if (chart) days(chart, { title: "Credits by model", unit: `${short(use.models.reduce((sum, one) => sum + one.credits, 0))} in 30 days`, days: names, series });
  const partly = use.complete === false && h("p", { class: "quietly" }, "By model, only the newest receipts are counted: there are more than are read at once.");
  return [chart, h("h2", {}, "By model"), partly, numbers];
}
