// One's own data: take it along, or have it deleted.

import { h } from "../kit/dom.js";
import { dialog } from "../kit/form.js";
import { credits } from "../kit/show.js";
import { during, ready, toast } from "../kit/states.js";
import { account, leave, told } from "./account.js";
import { save } from "./save.js";

export function show(panel) {
  const number = account().user_id;
  const take = h("button", { type: "button", class: "quiet", on: { click: () => during(take, download) } }, "Download my data");
  const end = h("button", { type: "button", class: "quiet danger", on: { click: () => deleted(panel, number) } }, "Delete my account");
  ready(
    panel,
    h("h2", {}, "Your data"),
    h(
      "div",
      { class: "grid two halves" },
      h("section", { class: "card" }, h("h3", {}, "Take it along"), h("p", {}, "One JSON file: the account, balance, journal, orders, use by day, keys as they are shown, and the newest receipts. What you asked and what was answered is not in it: it is kept nowhere."), h("div", { class: "actions" }, take)),
      h("section", { class: "card" }, h("h3", {}, "Delete the account"), h("p", {}, "Your address, keys, receipts and use are removed, and the credits that are left are lost. The books keep sums without you in them."), h("div", { class: "actions" }, end)),
    ),
  );
}

async function download() {
  const answer = await told("GET", "/account/export", { raw: true });
  const name = /filename="([\w.-]+)"/.exec(answer.headers.get("content-disposition"))?.[1] ?? "farebox-account.json";
  const text = await answer.text();
  save([text], name, "application/json");
  toast(JSON.parse(text).receipts_next ? "The file is downloaded. It has the newest receipts; all of them are under “Receipts”, as CSV." : "The file is downloaded.");
}

async function deleted(panel, number) {
  const { available } = account().balance;
  const done = await dialog({
    title: "Delete my account",
    content: [
      h("p", {}, "This cannot be undone. Every key stops working at once", available > 0 && [", and ", h("strong", {}, `${credits(available)} credits`), " are lost"], "."),
      h("p", {}, "To go on, write your user number: ", h("strong", {}, String(number)), "."),
    ],
    fields: [{ name: "user_id", label: "Your user number", required: true, inputmode: "numeric", autocomplete: "off", pattern: "[0-9]+" }],
    submit: "Delete for good",
    danger: true,
    onsubmit: ({ user_id: typed }) => told("DELETE", "/account", { body: { user_id: Number(typed) } }),
  });
  if (!done) return;
  leave();
  const title = h("h2", { tabindex: "-1" }, "Your account is deleted");
  const rest = done.finished === false ? "A request of yours still runs; what is left of the account goes when it has ended, tonight at the latest." : "Nothing of you is kept but the sums in the books.";
  document.querySelector("#leave").hidden = true;
  document.querySelector("#about").replaceChildren();
  ready(document.querySelector("#view"), title, h("p", {}, rest), h("p", { class: "actions" }, h("a", { class: "button quiet", href: "./" }, "To the start")));
  title.focus();
}
