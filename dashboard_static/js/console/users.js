// A project's users: found by a part of what they are known by, and added.

import { h, put } from "../kit/dom.js";
import { form } from "../kit/form.js";
import { ago, count, credits } from "../kit/show.js";
import { table } from "../kit/table.js";
import { action, asking, col, num, once, paged, tag, words } from "./lists.js";

const STATES = [["", "All"], ["true", "Blocked"], ["false", "Not blocked"]];

export function show(panel, project) {
  const { user } = project;
  project.user = null;
  if (user) return one(panel, project, user);
  const list = h("div");
  let asked = new AbortController();
  const filter = form({
    fields: [
      { name: "q", label: "Find", type: "search", autocomplete: "off", maxlength: 100, placeholder: "a part of a name, address or number" },
      { name: "blocked", label: "State", type: "select", options: STATES },
    ],
    submit: "Find",
    onsubmit: (values) => find(values),
  });
  filter.classList.add("inline");
  put(panel, h("div", { class: "bar" }, h("h2", {}, "Users"), project.shown.document.auth?.key && adding(panel, project)), filter, list);
  return find({});

  function find(query) {
    asked.abort();
    asked = new AbortController();
    const { signal } = asked;
    return paged(list, {
      text: "Looking for users…",
      more: "More users",
      load: (after) => project.ask("GET", "/users", { query: { ...query, after }, signal }),
      show: (rows) => usersTable(rows, (number) => one(panel, project, number), query.q || query.blocked ? "Nobody like this was found." : "Nobody has come yet."),
    });
  }
}

/** What there is about one user, in place of the list. */
async function one(panel, project, number) {
  const { show: user } = await import("./user.js");
  return user(panel, project, number, () => show(panel, project));
}

/** What somebody is known by. */
export const known = (user) => user.shown || user.email || `User ${user.user_id}`;

/** A table of users; `open` shows one of them. */
export const usersTable = (rows, open, empty, caption = "Users") =>
  table({
    caption,
    columns: [
      col("User", (user) => action(known(user), async () => open(user.user_id), { kind: "link" })),
      col("Number", (user) => user.user_id),
      col("Known by", knownBy),
      num("Available", (user) => credits(user.available)),
      num("Spent", (user) => credits(user.spent)),
      num("Offences", (user) => count(user.offences)),
      col("State", state),
      col("Since", (user) => ago(user.created)),
    ],
    rows,
    empty,
  });

const KNOWN = { ip: "address", jwt: "ID token", key: "key of yours", test: "test token", user: "key of yours" };
export const knownBy = (user) => KNOWN[user.method] ?? words(user.method);

export const state = (user) => (user.blocked ? tag(user.blocked_until ? "blocked" : "blocked for good", "bad") : tag("open", "good"));

const adding = (panel, project) =>
  action(
    "Add a user",
    async () => {
      const made = await asking({
        title: "A user of yours, and a key",
        content: h("p", {}, "The same reference is the same user: then this makes another key for them."),
        fields: [{ name: "reference", label: "Your reference", required: true, maxlength: 200, autocomplete: "off", help: "What you know them by, such as customer 17." }],
        submit: "Make a key",
        onsubmit: (values) => project.ask("POST", "/users", { body: values }),
      });
      if (!made) return;
      await once("The user’s key", made.key, "the key", h("p", {}, "Your back-end sends it as X-User-Token, beside the project’s key."));
      await one(panel, project, made.user_id);
    },
    { kind: "" },
  );
