// With whom users pay: connections and what they still need, money that fits no order, and orders.

import { h, put } from "../kit/dom.js";
import { copyable } from "../kit/copy.js";
import { credits, price, when } from "../kit/show.js";
import { busy, failed, ready, toast } from "../kit/states.js";
import { action, card, col, fact, facts, forgetting, listing, num, paged, sealing, tag, wide, words } from "./lists.js";

const NAMES = { stripe: "Stripe", polar: "Polar", mollie: "Mollie", btcpay: "BTCPay Server" };

export function show(panel, project) {
  const [connections, orders] = [h("div"), h("div")];
  put(panel, h("h2", {}, "Payments"), connections, card(h("h3", {}, "Orders"), orders));
  paged(orders, { more: "Older orders", load: (after) => project.ask("GET", "/orders", { query: { after } }), show: (rows) => ordersTable(rows, project) });
  return read(connections, project);
}

async function read(element, project) {
  busy(element);
  const again = () => read(element, project);
  try {
    const told = await project.ask("GET", "/payments");
    const none = h("div", { class: "nothing" }, h("p", {}, "Nobody can pay yet. Say in the settings, under “Packs and payments”, what is for sale and by whom."));
    ready(element, told.data.length ? h("div", { class: "grid two" }, told.data.map((one) => connection(one, project, again))) : none, unmatched(told.unmatched, project, again));
  } catch (problem) {
    failed(element, problem, again);
  }
}

function connection(one, project, again) {
  const name = NAMES[one.provider] ?? one.provider;
  const path = `/payments/${encodeURIComponent(one.provider)}`;
  const give = (text, kept, below, field, help) =>
    sealing(kept ? `Replace ${text}` : `Give ${text}`, { project, title: `${name}: ${text}`, label: text === "the key" ? "Key or access token" : "Webhook secret", field, help, path: path + below, after: finished, kind: kept ? "quiet" : "", hint: `of ${name}` });
  const drop = (text, kept, below) => kept && forgetting(`Forget ${text}`, { project, path: path + below, after: finished, hint: `of ${name}` });
  const finished = async () => {
    await project.renew("payments");
    await again();
  };
  const given = (kept) => (kept ? [h("code", {}, kept.shown), ", ", when(kept.created), kept.fits ? "" : [" ", tag("given for another mode or server", "bad")]] : tag("not yet", "warn"));
  const signs = one.provider !== "mollie";
  const before = one.webhook_secret_before;
  return card(
    h("div", { class: "bar" }, h("h3", {}, name), h("span", { class: "row" }, tag(one.mode, one.mode === "test" ? "warn" : ""), tag(one.ready ? "ready" : "not ready", one.ready ? "good" : "warn"))),
    facts(
      fact("Key", given(one.key)),
      signs ? fact("Webhook secret", given(one.webhook_secret)) : fact("Webhook secret", "Mollie signs nothing: there is none."),
      before ? fact("The one before", h("code", {}, before.shown), " counts until ", when(before.counts_until)) : [],
    ),
    h("p", { class: "help" }, `Webhook to register at ${name}`),
    copyable(one.webhook_url, `the webhook address for ${name}`),
    h(
      "div",
      { class: "actions spaced" },
      give("the key", one.key, "/key", "api_key", `Of ${one.mode} mode.`),
      signs && give("the webhook secret", one.webhook_secret, "/webhook-secret", "secret", "What events are signed with. The one before counts for three days more."),
      drop("the key", one.key, "/key"),
      signs && drop("the webhook secret", one.webhook_secret, "/webhook-secret"),
    ),
  );
}

function unmatched(rows, project, again) {
  const seen = (one) =>
    action(
      "Looked at",
      async () => {
        await project.ask("POST", `/payments/${encodeURIComponent(one.provider)}/looked-at`, { body: { about: one.about } });
        toast("Noted.");
        await again();
      },
      { small: true, hint: one.about },
    );
  return card(
    h("h3", {}, "Money that fits no order"),
    listing("Money that fits no order", rows, "All money fits an order.", [
      col("Seen", (one) => when(one.seen)),
      col("At", (one) => NAMES[one.provider] ?? one.provider),
      col("What", (one) => words(one.kind)),
      wide("About", (one) => one.about),
      col("Why", (one) => words(one.why)),
      col("Done", (one) => (one.why === "not_ours" ? "" : seen(one))),
    ]),
  );
}

const KINDS = { paid: "good", refunded: "warn", disputed: "bad" };

const ordersTable = (rows, project) =>
  listing("Orders, the newest first", rows, "Nothing was bought yet.", [
    col("When", (order) => when(order.created)),
    col("User", (order) => action(String(order.user_id), async () => project.open("users", order.user_id), { kind: "link" })),
    col("Pack", (order) => order.pack),
    col("By", (order) => [NAMES[order.method] ?? order.method, order.mode === "test" ? [" ", tag("test", "warn")] : ""]),
    col("State", (order) => tag(words(order.state), KINDS[order.state] ?? "")),
    num("Price", (order) => price(order.amount, order.currency)),
    num("Refunded", (order) => (order.refunded ? price(order.refunded, order.currency) : "–")),
    num("Credits", (order) => credits(order.credits)),
    col("Order", (order) => h("code", {}, order.id ?? order.reference ?? "")),
  ]);
