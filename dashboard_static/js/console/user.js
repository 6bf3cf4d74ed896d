// One user of a project: balance, use, receipts, keys, orders; and what their owner does about them.

import { h, once as named, put } from "../kit/dom.js";
import { days } from "../kit/chart.js";
import { count, credits, lastDays, price, when } from "../kit/show.js";
import { shown, toast } from "../kit/states.js";
import { action, asking, card, col, fact, facts, listing, num, once, paged, tag, tile, wide, words } from "./lists.js";
import { known, knownBy, state } from "./users.js";

const DAYS = 30;
const WHY = { name: "why", label: "Why", maxlength: 200, help: "Kept with the change." };
const BLOCKS = [["3600", "for an hour"], ["86400", "for a day"], ["604800", "for a week"], ["", "until unblocked"]];

export function show(panel, project, number, back) {
  const path = `/users/${encodeURIComponent(number)}`;
  const place = h("div");
  const heading = h("h2", { tabindex: "-1" }, `User ${number}`);
  const away = action("All users", async () => back(), { small: true });
  put(panel, h("div", { class: "bar" }, heading, away), place);
  const again = () =>
    shown(
      place,
      () => project.ask("GET", path),
      (user) => {
        put(heading, known(user));
        return about(user);
      },
      "Reading the account…",
    );
  heading.focus({ preventScroll: true });
  return again();

  /** A button with a dialog in front of what it does. */
  function act(text, below, { fields = [], body = (values) => values, said, danger = false, submit = text, content = "", method = "POST", after = again, why = true }) {
    return action(
      text,
      async () => {
        const reference = named();
        const done = await asking(
          {
            title: text,
            content: content ? h("p", {}, content) : [],
            fields: why ? [...fields, WHY] : fields,
            submit,
            danger,
            onsubmit({ why: because, ...values }) {
              const sent = { ...body(values, reference), ...(because ? { why: because } : {}) };
              return project.ask(method, path + below, { body: sent });
            },
          },
          said,
        );
        if (done) await after(done);
      },
      { kind: danger ? "quiet danger" : "quiet" },
    );
  }

  function about(user) {
    const { balance } = user;
    const use = card();
    const at = new Map(user.use.map((one) => [one.day, one]));
    const names = lastDays(DAYS);
    days(use, { title: "Tokens by day", unit: `${DAYS} days`, days: names, series: [{ label: "Input", values: names.map((day) => at.get(day)?.input_tokens ?? 0) }, { label: "Output", values: names.map((day) => at.get(day)?.output_tokens ?? 0) }] });
    return [
      h(
        "div",
        { class: "grid tiles" },
        tile("Available", credits(user.available), user.debt ? `owes ${credits(user.debt)}` : ""),
        tile("Expiring", credits(balance.trial), balance.trial_expires ? ["until ", when(balance.trial_expires)] : ""),
        tile("Held", credits(user.held), "by running requests"),
        tile("Spent", credits(user.spent)),
      ),
      card(facts(
          fact("Number", user.user_id),
          fact("Known by", knownBy(user)),
          user.email ? fact("E-mail", user.email) : [],
          fact("Since", when(user.created)),
          fact("State", state(user), user.blocked_until ? [" until ", when(user.blocked_until)] : ""),
          fact("Offences now", count(user.offences)),
        ),
        h("div", { class: "actions" }, changes(user)),
      ),
      use,
      keysOf(user),
      receipts(),
      orders(user.orders),
    ];
  }

  function changes(user) {
    const amount = { name: "credits", label: "Credits", required: true, inputmode: "text", autocomplete: "off" };
    return [
      act("Adjust credits", "/credits", { fields: [{ ...amount, help: "Such as 5.5; with a minus they are taken, down to zero." }], body: (values, reference) => ({ ...values, reference }), said: "Entered." }),
      act("Grant credits", "/grants", {
        fields: [amount, { name: "days", label: "Days", required: true, value: "30", inputmode: "numeric", pattern: "[0-9]+", help: "Then what is left of them is gone." }],
        body: (values, reference) => ({ ...values, days: Number(values.days), reference }),
        said: "Granted.",
      }),
      user.blocked
        ? act("Unblock", "/unblock", { body: () => ({}), said: "Let in again.", content: "What was counted against them is forgotten." })
        : act("Block", "/block", { fields: [{ name: "seconds", label: "How long", type: "select", options: BLOCKS, value: "86400" }], body: ({ seconds }) => ({ seconds: seconds ? Number(seconds) : null }), said: "Blocked.", content: "Requests that run go on; others are refused." }),
      act("Delete", "", {
        method: "DELETE",
        danger: true,
        submit: "Delete this user",
        content: "Keys, receipts and what they are known by go, for good, and credits that are left are lost. The books keep sums without a name.",
        said: "The user is deleted.",
        body: () => ({}),
        after: async () => back(),
      }),
    ];
  }

  function keysOf(user) {
    const revoke = (key) =>
      action(
        "Revoke",
        async () => {
          await project.ask("DELETE", `${path}/keys/${encodeURIComponent(key.id)}`);
          toast("The key is revoked.");
          await again();
        },
        { kind: "quiet danger", small: true, hint: key.shown },
      );
    const make = project.shown.document.auth?.key &&
      act("New key", "/keys", {
        why: false,
        fields: [{ name: "label", label: "Label", maxlength: 100, autocomplete: "off" }],
        body: ({ label }) => (label ? { label } : {}),
        async after(made) {
          await once("The user’s key", made.key, "the key");
          await again();
        },
      });
    if (!make && !user.keys.length) return null;
    return card(
      h("div", { class: "bar" }, h("h3", {}, "Keys"), make),
      listing("Keys of the user", user.keys, "None.", [
        col("Key", (key) => h("code", {}, `${key.shown}…`)),
        wide("Label", (key) => key.label || "–"),
        col("Made", (key) => when(key.created)),
        col("Change", revoke),
      ]),
    );
  }

  function receipts() {
    const list = h("div");
    paged(list, {
      more: "Older receipts",
      load: (after) => project.ask("GET", "/receipts", { query: { user: number, after } }),
      show: (rows) =>
        listing("Receipts, the newest first", rows, "Nothing was asked for yet.", [
          col("When", (receipt) => when(receipt.created)),
          col("Model", (receipt) => receipt.model),
          col("Provider", (receipt) => [receipt.provider || "–", receipt.attempts?.length > 1 ? ` (${receipt.attempts.length} asked)` : ""]),
          col("Outcome", (receipt) => [words(receipt.outcome), receipt.blocked ? [" ", tag(words(receipt.blocked), "warn")] : ""]),
          num("Input", (receipt) => count(receipt.input_tokens)),
          num("Output", (receipt) => count(receipt.output_tokens)),
          num("Credits", (receipt) => credits(receipt.credits)),
        ]),
    });
    return card(h("h3", {}, "Receipts"), list);
  }
}

const orders = (rows) =>
  rows?.length > 0 &&
  card(
    h("h3", {}, "Orders"),
    listing("Orders of the user", rows, "", [
      col("When", (order) => when(order.created)),
      col("Pack", (order) => order.pack),
      col("State", (order) => tag(words(order.state), order.state === "paid" ? "good" : "")),
      num("Price", (order) => price(order.amount, order.currency)),
      num("Credits", (order) => credits(order.credits)),
    ]),
  );
