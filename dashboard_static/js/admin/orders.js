// What was bought of the built-in project, and money at a provider that fits no order.

import { ask } from "../kit/ask.js";
import { h, put } from "../kit/dom.js";
import { credits, price, when } from "../kit/show.js";
import { during, shown, toast } from "../kit/states.js";
import { table } from "../kit/table.js";

export function show(panel, key) {
  const [orders, more, unmatched] = [h("div"), h("div", { class: "actions" }), h("div")];
  put(panel, h("h2", {}, "Orders"), orders, more, h("h2", {}, "Money that fits no order"), unmatched);
  let rows;
  shown(
    orders,
    () => ask("GET", "/admin/orders", { key }),
    (page) => {
      rows = ordersTable(page.data);
      onwards(page.next);
      return rows;
    },
  );
  const lost = () => shown(unmatched, () => ask("GET", "/admin/unmatched", { key }), (page) => unmatchedTable(page.data));
  lost();

  function onwards(next) {
    put(more);
    if (!next) return;
    const button = h("button", { type: "button", class: "quiet" }, "Older orders");
    button.addEventListener("click", () =>
      during(button, async () => {
        const page = await ask("GET", "/admin/orders", { key, query: { after: next } });
        rows.add(page.data);
        onwards(page.next);
      }),
    );
    put(more, button);
  }

  function unmatchedTable(data) {
    const seen = (one) => {
      const button = h("button", { type: "button", class: "quiet small" }, "Looked at");
      button.addEventListener("click", () =>
        during(button, async () => {
          await ask("POST", `/admin/unmatched/${encodeURIComponent(one.provider)}/looked-at`, { key, body: { about: one.about } });
          toast("Noted.");
          lost();
        }),
      );
      return button;
    };
    return table({
      caption: "Money that fits no order",
      columns: [
        { title: "Seen", cell: (one) => when(one.seen) },
        { title: "At", cell: (one) => one.provider },
        { title: "What", cell: (one) => one.kind.replaceAll("_", " ") },
        { title: "About", wide: true, cell: (one) => one.about },
        { title: "Why", wide: true, cell: (one) => one.why.replaceAll("_", " ") },
        { title: h("span", { class: "unseen" }, "Looked at"), cell: (one) => (one.kind === "not_ours" || one.why === "not_ours" ? "" : seen(one)) },
      ],
      rows: data,
      empty: "All money fits an order.",
    });
  }
}

const ordersTable = (rows) =>
  table({
    caption: "Orders, the newest first",
    columns: [
      { title: "When", cell: (order) => when(order.created) },
      { title: "User", cell: (order) => order.user_id },
      { title: "Pack", cell: (order) => order.pack },
      { title: "By", cell: (order) => [order.method, order.mode === "test" ? [" ", h("span", { class: "tag warn" }, "test")] : ""] },
      { title: "State", cell: (order) => h("span", { class: order.state === "paid" ? "tag good" : "tag" }, order.state.replaceAll("_", " ")) },
      { title: "Price", number: true, cell: (order) => price(order.amount, order.currency) },
      { title: "Credits", number: true, cell: (order) => credits(order.credits) },
    ],
    rows,
    empty: "Nothing was bought yet.",
  });
