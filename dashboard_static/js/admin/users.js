// Users: found by their e-mail, newest first; and what the operator does about one.

import { ask } from "../kit/ask.js";
import { h, put } from "../kit/dom.js";
import { count, credits, day, fullDay } from "../kit/show.js";
import { busy, during, failed } from "../kit/states.js";
import { table } from "../kit/table.js";
import { form } from "../kit/form.js";
import { open } from "./user.js";

const TRIES = 20;

export function show(panel, key) {
  const [list, more] = [h("div"), h("div", { class: "actions" })];
  let asked = new AbortController();
  const filter = form({
    fields: [{ name: "email", label: "Filter by e-mail", type: "search", autocomplete: "off", placeholder: "ada@ or example.com", maxlength: 254 }],
    submit: "Find",
    onsubmit: ({ email }) => find(email),
  });
  filter.classList.add("inline");
  put(panel, filter, list, more);
  find("");

  async function find(email) {
    asked.abort();
    asked = new AbortController();
    busy(list, "Looking for users…");
    put(more);
    try {
      const page = await read(email, undefined, asked.signal);
      const rows = usersTable(page.data, email);
      put(list, rows);
      onwards(rows, email, page.next);
    } catch (problem) {
      if (problem.name !== "AbortError") failed(list, problem, () => find(email));
    }
  }

  /** A page that has something in it, or the end: a filter may find nothing in many accounts. */
  async function read(email, after, signal) {
    for (let tried = 1; ; tried++) {
      const page = await ask("GET", "/admin/users", { key, query: { email, after }, signal });
      if (page.data.length || !page.next || tried === TRIES) return page;
      after = page.next;
    }
  }

  function onwards(rows, email, next) {
    put(more);
    if (!next) return;
    const button = h("button", { type: "button", class: "quiet" }, "More users");
    button.addEventListener("click", () =>
      during(button, async () => {
        const page = await read(email, next, asked.signal);
        rows.add(page.data);
        onwards(rows, email, page.next);
      }),
    );
    put(more, button);
  }

  function usersTable(rows, email) {
    const named = (user) => h("button", { type: "button", class: "link", on: { click: () => changed(user) } }, user.email || `user ${user.user_id}`);
    return table({
      caption: "Users, the newest first",
      columns: [
        { title: "E-mail", cell: (user) => [named(user), user.blocked && [" ", h("span", { class: "tag bad" }, "blocked")]] },
        { title: "User", cell: (user) => user.user_id },
        { title: "Key", cell: (user) => (user.key_shown ? h("code", {}, `${user.key_shown}…`) : "–") },
        { title: "Available", number: true, cell: (user) => credits(user.available) },
        { title: "Trial", number: true, cell: (user) => [credits(user.trial), user.trial && user.trial_expires ? [h("br"), h("small", { class: "quietly" }, `until ${day(user.trial_expires)}`)] : ""] },
        { title: "Paid", number: true, cell: (user) => credits(user.paid) },
        { title: "30 days", number: true, cell: (user) => [`${count(user.use.requests)} requests`, h("br"), h("small", { class: "quietly" }, `${count(user.use.input_tokens)} in, ${count(user.use.output_tokens)} out`)] },
        { title: "Joined", cell: (user) => h("time", { datetime: user.created, title: user.created }, fullDay(user.created)) },
      ],
      rows,
      empty: email ? "No address has this in it." : "Nobody has registered yet.",
    });
  }

  async function changed(user) {
    try {
      if (await open(key, user.user_id)) await find(filter.values().email);
    } catch (problem) {
      failed(more, problem);
    }
  }
}
