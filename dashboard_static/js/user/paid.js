// Back from the provider's page: what became of the order, where this tab knows whose it is.

import { ask } from "../kit/ask.js";
import { $, h, put } from "../kit/dom.js";
import { kept } from "../kit/session.js";
import { credits } from "../kit/show.js";
import { busy, ready } from "../kit/states.js";

const EVERY_MS = 2500;
const TRIES = 40;
const OVER = { failed: "The payment did not come through. Nothing was charged.", expired: "The payment page was left too long. Nothing was charged." };

const outcome = document.documentElement.dataset.outcome;
const titles = { saved: "Your card is saved", cancelled: "Nothing was paid" };
if (titles[outcome]) document.title = `${titles[outcome]} · Farebox`;

const number = new URLSearchParams(location.search).get("order");
const key = kept("key");
if (!titles[outcome] && number && key) watch(busy($("#order"), "Waiting for the provider’s word…"));

/** Ask until the order is decided, for as long as somebody may still be looking. */
async function watch(place) {
  for (let tried = 0; tried < TRIES; tried += 1) {
    if (tried) await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    try {
      const account = await ask("GET", "/account", { key });
      const order = account.orders.find((one) => one.id === number);
      if (order?.state === "paid") {
        const more = `${credits(order.credits)} credits are on your account. You have ${credits(account.balance.available)} now.`;
        return ready(place, h("p", { class: "note" }, more));
      }
      if (OVER[order?.state]) return ready(place, h("p", { class: "note warn" }, OVER[order.state]));
      if (!order) break;
    } catch (problem) {
      if (problem.status === 401) break;
    }
  }
  put(place).removeAttribute("aria-busy");
}
