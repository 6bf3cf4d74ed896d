// Totals: what there is now, added up while the accounts are walked; and what was used in 30 days, as charts.

import { ask } from "../kit/ask.js";
import { days } from "../kit/chart.js";
import { h, put } from "../kit/dom.js";
import { count, credits, lastDays, short, when } from "../kit/show.js";
import { busy, failed, ready } from "../kit/states.js";
import { table } from "../kit/table.js";

const DAYS = 30;
const EVENTS = 50;
const SUMMED = ["users", "active_trials", "paid", "trial", "held", "debt", "spent"];

export function show(panel, key) {
  const [now, progress, used, newest] = [h("div"), h("p", { class: "quietly", role: "status" }), h("div"), h("div")];
  put(
    panel,
    h("h2", {}, "Now"),
    now,
    progress,
    h("h2", {}, "The last 30 days"),
    used,
    h("h2", {}, "Last 50 usage events"),
    newest,
  );
  walk(key, now, progress, newest);
  use(key, used);
}

/** Go through all accounts, page by page, and show the sums as they grow. */
async function walk(key, now, progress, newest) {
  const sums = Object.fromEntries(SUMMED.map((name) => [name, 0]));
  let [events, after] = [[], undefined];
  tiles(now, sums, true);
  busy(newest);
  try {
    do {
      const page = await ask("GET", "/admin/overview", { key, query: { after } });
      for (const name of SUMMED) sums[name] += page[name] ?? 0;
      events = [...events, ...page.events].sort((one, other) => (one.id < other.id ? 1 : -1)).slice(0, EVENTS);
      after = page.next;
      tiles(now, sums, Boolean(after));
      progress.textContent = after ? `${count(sums.users)} accounts read so far…` : "";
      recent(newest, events);
    } while (after && now.isConnected);
  } catch (problem) {
    tiles(now, sums, false);
    recent(newest, events);
    failed(progress, problem, () => walk(key, now, progress, newest));
  }
}

function tiles(element, sums, more) {
  const tile = (label, value, note) => h("div", { class: "card number" }, h("span", { class: "label" }, label), h("span", { class: "value" }, value), note && h("span", { class: "more" }, note));
  put(
    element,
    h(
      "div",
      { class: "grid", "aria-busy": more ? "true" : null },
      tile("Total users", count(sums.users)),
      tile("Active trials", count(sums.active_trials), `${credits(sums.trial)} credits left in them`),
      tile("Paid total", credits(sums.paid), "credits paid for and not spent"),
      tile("Held", credits(sums.held), "by requests that run now"),
      tile("Spent", credits(sums.spent), "credits, of all time"),
      sums.debt > 0 && tile("Owed", credits(sums.debt), "by users, after refunds"),
    ),
  );
}

function recent(element, events) {
  ready(
    element,
    table({
      caption: "The newest requests of all users",
      columns: [
        { title: "When", cell: (event) => when(event.created) },
        { title: "User", cell: (event) => event.email ?? event.user_id },
        { title: "Model", cell: (event) => event.model },
        { title: "Outcome", cell: (event) => event.outcome },
        { title: "Input", number: true, cell: (event) => count(event.input_tokens) },
        { title: "Output", number: true, cell: (event) => count(event.output_tokens) },
        { title: "Credits", number: true, cell: (event) => credits(event.credits) },
      ],
      rows: events,
      empty: "Nobody has asked for anything yet.",
    }),
  );
}

async function use(key, element) {
  busy(element);
  try {
    const told = await ask("GET", "/admin/usage", { key, query: { days: DAYS } });
    const names = lastDays(DAYS);
    const by = new Map(told.days.map((one) => [one.day, one]));
    const values = (name) => names.map((day) => by.get(day)?.[name] ?? 0);
    const sum = (name) => values(name).reduce((all, value) => all + value, 0);
    const refused = told.days.flatMap((one) => Object.entries(one.refused));
    const reasons = new Map();
    for (const [code, number] of refused) reasons.set(code, (reasons.get(code) ?? 0) + number);
    const [requests, tokens] = [h("div", { class: "card" }), h("div", { class: "card" })];
    ready(
      element,
      h("div", { class: "grid two" }, requests, tokens),
      h(
        "p",
        { class: "quietly" },
        `${count(sum("requests"))} requests, ${count(sum("input_tokens"))} tokens in and ${count(sum("output_tokens"))} out, ${credits(sum("credits"))} credits.`,
      ),
      reasons.size
        ? table({
            caption: "Refused, by reason",
            hidden: false,
            columns: [
              { title: "Reason", cell: ([code]) => code.replaceAll("_", " ") },
              { title: "Requests", number: true, cell: ([, number]) => count(number) },
            ],
            rows: [...reasons].sort(([, one], [, other]) => other - one),
          })
        : [],
    );
    days(requests, { title: "Requests", unit: `${short(sum("requests"))} in 30 days`, days: names, series: [{ label: "Requests", values: values("requests") }] });
    days(tokens, {
      title: "Tokens",
      unit: `${short(sum("input_tokens") + sum("output_tokens"))} in 30 days`,
      days: names,
      series: [
        { label: "Input", values: values("input_tokens") },
        { label: "Output", values: values("output_tokens") },
      ],
    });
  } catch (problem) {
    failed(element, problem, () => use(key, element));
  }
}
