// One user: what there is about them, and what the operator may do. Each change says who, when and why.

import { ask } from "../kit/ask.js";
import { fresh, h, once } from "../kit/dom.js";
import { dialog } from "../kit/form.js";
import { count, credits, when } from "../kit/show.js";
import { shown, toast } from "../kit/states.js";
import { table } from "../kit/table.js";

const WHY = { name: "why", label: "Why", maxlength: 200, help: "Kept with the change." };
const BLOCKS = [["3600", "for an hour"], ["86400", "for a day"], ["604800", "for a week"], ["", "until unblocked"]];

/** Show a user in a dialog. Resolves, once it is closed, to whether anything was changed. */
export function open(key, userId) {
  return new Promise((resolve) => {
    const [inside, title] = [h("div"), fresh("user")];
    let changed = false;
    const close = h("button", { type: "button", class: "quiet", on: { click: () => element.close() } }, "Close");
    const element = h("dialog", { class: "large", "aria-labelledby": title, on: { close: ended } }, h("div", { class: "bar" }, h("h2", { id: title }, `User ${userId}`), close), inside);
    function ended() {
      element.remove();
      resolve(changed);
    }
    const again = () => shown(inside, () => ask("GET", `/admin/users/${userId}`, { key }), (user) => about(user), "Reading the account…");
    document.body.append(element);
    element.showModal();
    again();

    const act = (name, path, fields, { danger = false, submit, text = "", say }) =>
      h(
        "button",
        {
          type: "button",
          class: danger ? "quiet danger" : "quiet",
          on: {
            async click() {
              const reference = once();
              const done = await dialog({
                title: `${name}: user ${userId}`,
                content: text ? h("p", {}, text) : [],
                fields: [...fields, WHY],
                submit: submit ?? name,
                danger,
                onsubmit: (values) => ask("POST", path, { key, body: body(values, path, userId, reference) }),
              });
              if (!done) return;
              changed = true;
              toast(say(done));
              if (path === "/admin/delete") element.close();
              else again();
            },
          },
        },
        name,
      );

    function about(user) {
      const balance = user.balance;
      return [
        h("dl", { class: "facts" }, [
          fact("E-mail", user.email ?? "–"),
          fact("Joined", when(user.created)),
          fact("Available", `${credits(balance.available)} credits`),
          fact("Trial", balance.trial ? [`${credits(balance.trial)}`, balance.trial_expires ? [", until ", when(balance.trial_expires)] : ""] : "none left"),
          fact("Paid", credits(balance.paid)),
          fact("Held", credits(balance.held)),
          fact("Spent", credits(balance.spent)),
          balance.debt ? fact("Owes", credits(balance.debt)) : [],
          fact("State", user.blocked ? h("span", { class: "tag bad" }, user.blocked_until ? ["blocked until ", when(user.blocked_until)] : "blocked") : "open"),
        ]),
        h(
          "div",
          { class: "actions" },
          act("Adjust credits", "/admin/adjust", [{ name: "delta", label: "Credits", required: true, inputmode: "text", help: "Such as 1000000, or -5000 to take some; what is taken stops at zero." }], { say: (done) => `${credits(done.credits ?? 0)} credits entered.` }),
          act(
            "Grant a trial",
            "/admin/grant",
            [
              { name: "tokens", label: "Credits", required: true, value: "100000", inputmode: "numeric" },
              { name: "days", label: "Days", required: true, value: "7", inputmode: "numeric" },
            ],
            { say: () => "The trial is granted." },
          ),
          user.blocked
            ? act("Unblock", "/admin/unblock", [], { say: () => "Unblocked." })
            : act("Block", "/admin/block", [{ name: "seconds", label: "How long", type: "select", options: BLOCKS, value: "3600" }], { say: () => "Blocked." }),
          act("Delete", "/admin/delete", [], {
            danger: true,
            submit: "Delete this user",
            text: "All that is known of this user goes, for good: address, keys, receipts, use. The journal keeps sums without a name. Credits that are left are lost.",
            say: () => "The user is deleted.",
          }),
        ),
        h("h3", {}, "Credits that came and went"),
        table({
          caption: "Journal",
          columns: [
            { title: "When", cell: (entry) => when(entry.created) },
            { title: "What", cell: (entry) => entry.reason.replaceAll("_", " ") },
            { title: "Credits", number: true, cell: (entry) => credits(entry.amount) },
            { title: "By", cell: (entry) => entry.by || "–" },
            { title: "Why", wide: true, cell: (entry) => entry.why || entry.reference || "–" },
          ],
          rows: user.journal,
        }),
        h("h3", {}, "Newest receipts"),
        table({
          caption: "Receipts",
          columns: [
            { title: "When", cell: (receipt) => when(receipt.created) },
            { title: "Model", cell: (receipt) => receipt.model },
            { title: "Outcome", cell: (receipt) => receipt.outcome },
            { title: "Input", number: true, cell: (receipt) => count(receipt.input_tokens) },
            { title: "Output", number: true, cell: (receipt) => count(receipt.output_tokens) },
            { title: "Credits", number: true, cell: (receipt) => credits(receipt.credits) },
          ],
          rows: user.receipts,
        }),
      ];
    }
  });
}

const fact = (name, value) => [h("dt", {}, name), h("dd", {}, value)];

/** What is sent: which user, the fields, and a reference, so that a second press changes nothing. */
function body(values, path, userId, reference) {
  const sent = { ...values, user_id: String(userId) };
  if (!sent.why) delete sent.why;
  if ("seconds" in sent) sent.seconds = sent.seconds ? Number(sent.seconds) : null;
  if (path === "/admin/adjust" || path === "/admin/grant") sent.reference = reference;
  return sent;
}
