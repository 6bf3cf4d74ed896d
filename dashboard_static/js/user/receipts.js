// Receipts: one for each request that was admitted. The API gives ranges; words are searched for here.

import { h, put } from "../kit/dom.js";
import { dialog, form } from "../kit/form.js";
import { copyable } from "../kit/copy.js";
import { count, credits, when } from "../kit/show.js";
import { busy, during, failed, ready, toast } from "../kit/states.js";
import { table } from "../kit/table.js";
import { told } from "./account.js";
import { save } from "./save.js";

const SHOWN = 50;
const PAGE = 100;
const PAGES_AT_ONCE = 10;
const DAY_MS = 86_400_000;
export const OUTCOMES = {
  completed: "completed",
  cut: "cut off",
  client_left: "stopped",
  provider_failed: "model failed",
  timed_out: "timed out",
  gateway_failed: "gateway failed",
  expired: "expired",
};

export function show(panel) {
  const list = h("div", { "aria-live": "off" });
  let running = null;
  const filter = form({
    fields: [
      { name: "from", label: "From", type: "date" },
      { name: "to", label: "To, inclusive", type: "date" },
      { name: "words", label: "Search", type: "search", placeholder: "model, outcome, id", autocomplete: "off" },
    ],
    submit: "Show",
    extra: [h("button", { type: "button", class: "quiet", on: { click: (event) => during(event.currentTarget, csv).catch(filter.told) } }, "Download CSV")],
    onsubmit: look,
  });
  filter.classList.add("inline", "filter");

  function look() {
    running?.abort();
    running = new AbortController();
    return search(list, filter.values(), running.signal);
  }
  async function csv() {
    filter.clear();
    await download(range(filter.values()));
  }
  ready(panel, h("h2", {}, "Receipts"), h("p", { class: "quietly" }, "What each request was charged, newest first. Days are UTC. The CSV has all receipts of the days, searched for or not."), filter, list);
  look();
}

/** The range that was chosen, as the API wants it: it ends where the next day begins. */
function range({ from, to }) {
  const end = to && new Date(Date.parse(`${to}T00:00:00Z`) + DAY_MS).toISOString().slice(0, 10);
  return { from, to: end };
}

async function search(element, values, signal) {
  const words = values.words.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (receipt) => {
    const text = [receipt.id, receipt.model, receipt.endpoint, receipt.outcome, OUTCOMES[receipt.outcome], receipt.created].join(" ").toLowerCase();
    return words.every((word) => text.includes(word));
  };
  const said = h("p", { class: "quietly", role: "status" });
  const more = h("button", { type: "button", class: "quiet", on: { click: () => during(more, next) } }, "Show more");
  let [rows, after, read, found] = [null, undefined, 0, 0];

  async function next() {
    let [pages, came] = [0, 0];
    do {
      const page = await told("GET", "/account/receipts", { query: { ...range(values), limit: words.length ? PAGE : SHOWN, after }, signal });
      const some = page.data.filter(fits);
      [after, read, came, pages] = [page.next, read + page.data.length, came + some.length, pages + 1];
      found += some.length;
      rows ? rows.add(some) : begin(some);
    } while (after && words.length && came < SHOWN && pages < PAGES_AT_ONCE);
    if (!found) put(rows).replaceWith((rows = receipts([], words.length ? "No receipt fits." : "No receipts in this time.")));
    more.hidden = !after;
    said.textContent = words.length ? `${count(found)} of ${count(read)} receipts fit${after ? " so far" : ""}.` : after || !found ? "" : `${count(found)} in all.`;
  }
  function begin(some) {
    rows = receipts(some, "Searching…");
    ready(element, rows, h("div", { class: "actions after-table" }, more), said);
  }
  busy(element);
  try {
    await next();
  } catch (problem) {
    if (problem.param) throw problem;
    if (problem.name !== "AbortError") failed(element, problem, () => search(element, values, signal));
  }
}

const receipts = (rows, empty) =>
  table({
    caption: "Receipts",
    columns: [
      { title: "When", cell: (receipt) => h("button", { type: "button", class: "link", on: { click: () => details(receipt) } }, when(receipt.created)) },
      { title: "Credits", number: true, cell: (receipt) => credits(receipt.credits) },
      { title: "Input", number: true, cell: (receipt) => count(receipt.input_tokens) },
      { title: "Output", number: true, cell: (receipt) => count(receipt.output_tokens) },
      { title: "Model", cell: (receipt) => receipt.model },
      { title: "Outcome", cell: (receipt) => outcome(receipt) },
    ],
    rows,
    empty,
  });

const outcome = (receipt) => h("span", { class: receipt.outcome === "completed" ? "quietly" : "tag warn" }, OUTCOMES[receipt.outcome] ?? receipt.outcome);

function details(receipt) {
  const facts = [
    ["When", when(receipt.created)],
    ["Endpoint", h("code", {}, receipt.endpoint)],
    ["Model", receipt.model],
    ["Outcome", outcome(receipt)],
    ["Input", `${count(receipt.input_tokens)} tokens`, receipt.cached_tokens && `, ${count(receipt.cached_tokens)} of them from the cache`],
    ["Output", `${count(receipt.output_tokens)} tokens`, receipt.reasoning_tokens && `, ${count(receipt.reasoning_tokens)} of them thought`],
    ["Credits", `${credits(receipt.credits)}, of ${credits(receipt.held)} held`],
    receipt.shortfall > 0 && ["Not charged", credits(receipt.shortfall)],
    receipt.blocked && ["Blocked", receipt.blocked],
    ["Price version", h("code", {}, receipt.price)],
  ];
  const list = facts.filter(Boolean).map(([name, ...value]) => [h("dt", {}, name), h("dd", {}, value.map((part) => part || ""))]);
  return dialog({ title: "Receipt", cancel: "Close", content: [h("dl", { class: "facts" }, list), h("p", {}, copyable(receipt.id, "the receipt’s id"))] });
}

/** All receipts of a range as one file, however many answers they take. */
async function download(asked) {
  const parts = [];
  let [after, name] = [undefined, "farebox-receipts.csv"];
  do {
    const answer = await told("GET", "/account/receipts", { query: { ...asked, format: "csv", after }, raw: true });
    name = /filename="([\w.-]+)"/.exec(answer.headers.get("content-disposition"))?.[1] ?? name;
    const text = await answer.text();
    parts.push(parts.length ? text.slice(text.indexOf("\r\n") + 2) : text);
    after = answer.headers.get("x-farebox-next");
  } while (after);
  save(parts, name, "text/csv");
  toast("The file is downloaded.");
}
