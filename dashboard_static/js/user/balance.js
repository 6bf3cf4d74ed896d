// What is left: all of it, and where it comes from.

import { h, put } from "../kit/dom.js";
import { ago, credits, when } from "../kit/show.js";

/** Show a balance, as GET /account has it. */
export function show(element, balance) {
  const { available, trial, trial_expires: expires, paid, held, debt } = balance;
  put(
    element,
    debt > 0 && h("p", { class: "note bad" }, `You owe ${credits(debt)} credits, after a payment was taken back. What you buy next covers them first.`),
    !debt && available < 1 && h("p", { class: "note warn" }, "No credits are left: requests are refused until you buy some."),
    h(
      "dl",
      { class: "grid balance" },
      tile("Available", credits(available), "credits, now", "first"),
      tile("Trial", credits(trial), ends(trial, expires)),
      tile("Paid", credits(paid), "they do not expire"),
      tile("Held", credits(held), "reserved just now"),
    ),
  );
}

const tile = (label, value, more, kind = "") => h("div", { class: `card number ${kind}` }, h("dt", {}, label), h("dd", {}, value, h("small", {}, more)));

function ends(trial, expires) {
  if (!expires) return "there is none";
  if (new Date(expires) < Date.now()) return ["ended ", when(expires)];
  if (!trial) return "used up";
  return ["ends ", h("span", {}, ago(expires))];
}
