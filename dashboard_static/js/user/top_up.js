// Automatic top-up: a saved card buys a pack whenever few credits are left, as often a day as was agreed.

import { h } from "../kit/dom.js";
import { dialog, form } from "../kit/form.js";
import { credits, price, short } from "../kit/show.js";
import { shown } from "../kit/states.js";
import { told } from "./account.js";
import { follow } from "./pay.js";

const PER_DAY_MAX = 5;
const WHY = {
  declined: "the bank declined the charge, or wants you to confirm it",
  not_charged: "the payment provider could not be reached, or refused; nothing was charged",
  unmatched: "what was charged is not what the order says; people look at it",
  price_changed: "the pack’s price has changed",
  pack_gone: "the pack is no longer sold",
  signed_out: "the way you signed in is no more",
  money_back: "a payment was refunded or disputed, or credits are owed",
  blocked: "the account is blocked",
  mode_changed: "payments went from test to live, or back",
  not_configured: "card payments are no longer taken",
  project_closed: "the project is closed",
};

export const show = (element, packs) => shown(element, () => told("GET", "/account/top-up"), (agreed) => about(element, packs, agreed));

function about(element, packs, agreed) {
  const again = () => show(element, packs);
  if (agreed.state === "on" || agreed.state === "waiting") return inForce(packs, agreed, again);
  const ended = agreed.state === "off" && h("p", { class: "note warn" }, `It has ended: ${WHY[agreed.why] ?? agreed.why}. Agree anew to go on.`);
  return [h("div", { class: "card" }, ended, h("p", {}, "Never be refused for want of credits: a card that you save buys a pack whenever little is left. It is off until you say so, and you can end it at any time."), terms(packs, agreed))];
}

function inForce(packs, agreed, again) {
  const pack = packs.find((one) => one.id === agreed.pack);
  const name = pack ? `${short(pack.credits)} credits` : agreed.pack;
  const waiting = agreed.state === "waiting";
  const end = () =>
    dialog({
      title: waiting ? "Drop it?" : "Switch it off?",
      content: h("p", {}, "Nothing more is charged from now on, and the card is forgotten here."),
      submit: "Switch off",
      danger: true,
      onsubmit: () => told("DELETE", "/account/top-up"),
    }).then((done) => done && again());
  return h(
    "div",
    { class: "card" },
    h("p", {}, h("span", { class: waiting ? "tag warn" : "tag good" }, waiting ? "waiting for your card" : "on")),
    h(
      "dl",
      { class: "facts" },
      [
        ["Buys", `${name} for ${price(agreed.amount, agreed.currency)}`],
        ["When less is left than", `${credits(agreed.below)} credits`],
        ["At most", `${agreed.per_day} a day; ${agreed.today} today`],
      ].map(([title, text]) => [h("dt", {}, title), h("dd", {}, text)]),
    ),
    waiting && h("p", { class: "quietly" }, "Nothing is charged until the card is saved on the provider’s page. Did you leave it? Switch off, and agree anew."),
    h("div", { class: "actions" }, h("button", { type: "button", class: "quiet danger", on: { click: end } }, "Switch off")),
  );
}

function terms(packs, agreed) {
  const made = form({
    fields: [
      { name: "pack", label: "Buy", type: "select", value: agreed.pack ?? packs[0].id, options: packs.map((pack) => [pack.id, `${short(pack.credits)} credits for ${price(pack.amount, pack.currency)}`]) },
      { name: "below", label: "When less is left than", type: "number", inputmode: "numeric", min: 1, step: 1, required: true, value: agreed.below ?? 500_000 },
      { name: "per_day", label: "At most so often a day", type: "number", inputmode: "numeric", min: 1, max: PER_DAY_MAX, step: 1, required: true, value: agreed.per_day ?? 1 },
    ],
    submit: "Save a card",
    async onsubmit({ pack, below, per_day: perDay }) {
      const { url } = await told("PUT", "/account/top-up", { body: { pack, below: Number(below), per_day: Number(perDay) } });
      follow(url);
    },
  });
  made.classList.add("inline");
  return made;
}
