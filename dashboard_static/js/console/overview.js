// What a project does now: its use and spend by day and hour, what was refused and why, what is still to be done, and snippets.

import { api } from "../kit/config.js";
import { h, put } from "../kit/dom.js";
import { days } from "../kit/chart.js";
import { code } from "../kit/copy.js";
import { count, credits, lastDays, short } from "../kit/show.js";
import { shown } from "../kit/states.js";
import { table } from "../kit/table.js";
import { action, card, num, quiet, tile, words } from "./lists.js";

const DAYS = 30;
const HOUR_MS = 3_600_000;
const LIVE_MS = 15_000;

export function show(panel, project) {
  const [steps, used, use] = [h("div"), h("div", { class: "used" }), card()];
  put(panel, h("h2", { class: "unseen" }, "Overview"), steps, used, use);
  put(steps, todo(project));
  snippets(use, project);
  return live(used, project);
}

/** Charts that follow what happens, for as long as they are looked at. */
async function live(element, project) {
  const read = () => project.ask("GET", "/usage", { query: { days: DAYS } });
  let last = "";
  const draw = (usage) => {
    last = JSON.stringify(usage);
    return drawn(usage);
  };
  await shown(element, read, draw, "Adding up what was used…");
  const again = async () => {
    if (!element.isConnected) return;
    if (!document.hidden && element.offsetParent && last) {
      const usage = await read().catch(() => null);
      const open = element.querySelector("details[open]") || element.contains(document.activeElement);
      if (usage && JSON.stringify(usage) !== last && !open) put(element, draw(usage));
    }
    setTimeout(again, LIVE_MS);
  };
  setTimeout(again, LIVE_MS);
}

function drawing(about) {
  const box = card();
  days(box, about);
  return box;
}

function drawn(usage) {
  const names = lastDays(DAYS);
  const by = new Map(usage.days.map((one) => [one.day, one]));
  const daily = (what) => names.map((day) => what(by.get(day) ?? {}) ?? 0);
  const refusals = sums(usage.days, "refused");
  const outcomes = sums(usage.days, "outcomes");
  const all = (what) => daily(what).reduce((sum, value) => sum + value, 0);
  const [requests, refused, today] = [all((one) => one.requests), refusals.reduce((sum, [, number]) => sum + number, 0), by.get(names.at(-1)) ?? {}];
  const hours = hoursOf(usage.hours ?? []);
  const clock = (iso) => `${iso.slice(11, 13)}:00`;
  const chart = (title, unit, ...series) => drawing({ title, unit, days: names, series });
  const clocked = (title, name) => drawing({ title, unit: "24 hours, UTC", days: hours.map((one) => one.hour), series: [{ label: name === "credits" ? "Credits" : "Requests", values: hours.map((one) => one[name]) }], name: clock, full: clock });
  const boxes = [
    chart("Requests by day", `${short(requests)} in ${DAYS} days`, { label: "Admitted", values: daily((one) => one.requests) }, { label: "Refused", values: daily((one) => total(one.refused)) }),
    chart("Credits by day", `${short(all((one) => one.credits))} in ${DAYS} days`, { label: "Credits", values: daily((one) => one.credits) }),
    clocked("Requests by hour", "requests"),
    clocked("Credits by hour", "credits"),
  ];
  return [
    h(
      "div",
      { class: "grid tiles" },
      tile("Requests today", count(today.requests ?? 0), `${count(requests)} in ${DAYS} days`),
      tile("Credits today", credits(today.credits ?? 0), `${credits(all((one) => one.credits))} in ${DAYS} days`),
      tile("Tokens", short(all((one) => (one.input_tokens ?? 0) + (one.output_tokens ?? 0))), `${short(all((one) => one.input_tokens))} in, ${short(all((one) => one.output_tokens))} out`),
      tile("Refused", count(refused), requests + refused ? `${Math.round((refused / (requests + refused)) * 100)} % of all that came` : "nothing came yet"),
    ),
    h("div", { class: "grid two" }, boxes),
    h("div", { class: "grid two" }, reasons("Refused, by reason", "Reason", refusals, "Nothing was refused."), reasons("How answers ended", "Outcome", outcomes, "Nobody has asked yet.")),
  ];
}

const total = (numbers) => Object.values(numbers ?? {}).reduce((sum, number) => sum + number, 0);

function sums(list, name) {
  const found = new Map();
  for (const one of list) for (const [key, number] of Object.entries(one[name] ?? {})) found.set(key, (found.get(key) ?? 0) + number);
  return [...found].sort(([, one], [, other]) => other - one);
}

/** The last 24 hours, with those in which nothing came. */
function hoursOf(list) {
  const by = new Map(list.map((one) => [one.hour.slice(0, 13), one]));
  const now = Math.floor(Date.now() / HOUR_MS);
  return Array.from({ length: 24 }, (_, index) => new Date((now - 23 + index) * HOUR_MS).toISOString()).map((hour) => ({ requests: 0, credits: 0, ...by.get(hour.slice(0, 13)), hour }));
}

const reasons = (caption, title, rows, empty) =>
  card(table({ caption, hidden: false, columns: [{ title, cell: ([name]) => words(name) }, num("Requests", ([, number]) => count(number))], rows, empty }));

/** What a project needs before it answers; nothing, once it has it all. */
function todo(project) {
  const { document, keys, secrets, needs_grant: grants } = project.shown;
  const providers = Object.entries(document.providers ?? {});
  const given = new Set(secrets.map((one) => one.name));
  const served = document.mode === "forward" || Object.keys(document.endpoints ?? {}).length > 0;
  const steps = [
    ["Say who answers: a provider and its models", providers.length && document.models?.length, "settings", "Settings"],
    ["Say what is served: an endpoint with its template", served, "settings", "Settings"],
    ["Give the providers’ keys", providers.length && providers.every(([name, about]) => "operator" in about || given.has(name)), "keys", "Keys"],
    ...(grants.length ? [["Have the operator grant its providers", false, "", ""]] : []),
    ["Make a key for your app", keys.length, "keys", "Keys"],
  ];
  if (steps.every(([, done]) => done)) return [];
  return card(
    h("h3", {}, "Until it answers"),
    h(
      "ol",
      { class: "steps" },
      steps.map(([text, done, section, title]) =>
        h("li", { class: done ? "done" : null }, h("span", {}, text, Boolean(done) && h("span", { class: "unseen" }, ", done")), !done && section && action(`Open ${title}`, async () => project.open(section), { kind: "link", hint: `to ${text.toLowerCase()}` })),
      ),
    ),
  );
}

async function snippets(element, project) {
  const [base, { LANGUAGES, snippet }] = await Promise.all([api(), import("./snippets.js")]);
  const place = h("div", { "aria-live": "polite" });
  const buttons = LANGUAGES.map(([id, title]) => h("button", { type: "button", class: "quiet small", "aria-pressed": "false", on: { click: () => open(id) } }, title));
  const open = (id) => {
    LANGUAGES.forEach(([other], index) => buttons[index].setAttribute("aria-pressed", String(other === id)));
    const { text, note } = snippet(id, project, base || location.origin);
    put(place, quiet(note), code(text, "the snippet"));
  };
  put(element, h("h3", {}, "In your app"), h("div", { class: "choices", role: "group", "aria-label": "Language" }, buttons), place);
  open(LANGUAGES[0][0]);
}
