// Packs and what they cost, automatic top-up, and what was bought.

import { h } from "../kit/dom.js";
import { credits, perMillion, price, short, when } from "../kit/show.js";
import { during, ready, shown } from "../kit/states.js";
import { table } from "../kit/table.js";
import { refresh, told } from "./account.js";
import { follow, method } from "./pay.js";
import { show as showTopUp } from "./top_up.js";

const KINDS = { pack: "", top_up: "automatic", setup: "card saved" };
const STATES = {
  open: ["waiting", ""],
  processing: ["on its way", ""],
  paid: ["paid", "good"],
  failed: ["failed", "bad"],
  expired: ["not paid", ""],
  refunded: ["refunded", "warn"],
  partly_refunded: ["partly refunded", "warn"],
  disputed: ["disputed", "bad"],
};

export function show(panel) {
  const body = h("div");
  ready(panel, h("h2", {}, "Buy credits"), body);
  shown(body, refresh, ({ packs, methods, orders }) => [offers(packs, methods), topUp(packs, methods), h("h2", {}, "Orders"), bought(orders)]);
}

function offers(packs, methods) {
  if (!packs.length || !methods.length) {
    return h("div", { class: "nothing" }, h("p", {}, "Nothing can be bought here yet: no way to pay is set up. What you have can be used all the same."), packs.length > 0 && priced(packs));
  }
  return [
    h("ul", { class: "packs" }, packs.map((pack) => offer(pack, methods))),
    h("p", { class: "quietly" }, "You pay at the provider’s own page, and come back here. Bought credits do not expire."),
  ];
}

const priced = (packs) => h("ul", {}, packs.map((pack) => h("li", {}, `${short(pack.credits)} credits: ${price(pack.amount, pack.currency)}, ${rate(pack)}`)));

const rate = (pack) => `${perMillion(pack.amount, pack.currency, pack.credits)} per million`;

function offer(pack, methods) {
  const name = `${short(pack.credits)} credits`;
  const buy = (way, index) =>
    h(
      "button",
      { type: "button", class: index ? "quiet" : null, "aria-label": `Pay by ${method(way)}: ${name}`, on: { click: (event) => during(event.currentTarget, () => checkout(pack.id, way)) } },
      `Pay by ${method(way)}`,
    );
  return h(
    "li",
    { class: "card pack" },
    h("h3", {}, name, h("span", { class: "tag" }, pack.id)),
    h("p", { class: "cost" }, price(pack.amount, pack.currency)),
    h("p", { class: "quietly" }, rate(pack)),
    h("div", { class: "actions" }, methods.map(buy)),
  );
}

async function checkout(pack, way) {
  const { url } = await told("POST", "/checkout", { body: { pack, method: way } });
  follow(url);
}

/** Automatic top-up, where there is a provider that charges saved cards. */
function topUp(packs, methods) {
  if (!packs.length || !methods.includes("stripe")) return [];
  const body = h("div");
  showTopUp(body, packs);
  return [h("h2", {}, "Automatic top-up"), body];
}

const bought = (orders) =>
  table({
    caption: "Orders, the newest 20",
    columns: [
      { title: "When", cell: (order) => when(order.created) },
      { title: "Credits", number: true, cell: (order) => (order.kind === "setup" ? "" : credits(order.credits)) },
      { title: "Amount", number: true, cell: (order) => (order.kind === "setup" ? "" : price(order.amount, order.currency)) },
      { title: "State", cell: state },
      { title: "By", cell: (order) => [method(order.method), order.mode === "test" && [" ", h("span", { class: "tag" }, "test")]] },
      { title: "Pack", cell: (order) => [order.pack, KINDS[order.kind] && `, ${KINDS[order.kind]}`] },
      { title: "Order", cell: (order) => h("code", {}, order.id) },
    ],
    rows: orders,
    empty: "Nothing was bought yet.",
  });

function state(order) {
  const [text, kind] = STATES[order.state] ?? [order.state, ""];
  const back = order.refunded > 0 && order.state === "partly_refunded" && ` (${price(order.refunded, order.currency)})`;
  return h("span", { class: `tag ${kind}` }, text, back);
}
