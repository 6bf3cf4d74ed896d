// Keys: one for each app or machine. A new one is shown once; the gateway keeps only a hash of it.

import { h, put } from "../kit/dom.js";
import { dialog } from "../kit/form.js";
import { secret } from "../kit/copy.js";
import { ago, when } from "../kit/show.js";
import { nothing, ready, shown, toast } from "../kit/states.js";
import { keep } from "../kit/session.js";
import { table } from "../kit/table.js";
import { refresh, told } from "./account.js";

const GRACES = [
  [86_400, "for a day"],
  [3600, "for an hour"],
  [604_800, "for a week"],
  [0, "not at all: it stops now"],
];
const LABEL_MAX = 60;

export function show(panel) {
  const [made, list] = [h("div", { tabindex: "-1" }), h("div")];
  const page = { made, again: () => shown(list, keys, (found) => listed(list, found, page)) };
  const create = h("button", { type: "button", on: { click: () => createOne(page) } }, "Create a key");
  ready(
    panel,
    h("div", { class: "bar" }, h("h2", {}, "Keys"), create),
    h("p", { class: "quietly" }, "One for each app or machine, so that one can be replaced without the others. All spend from the same balance."),
    made,
    list,
  );
  page.again();
}

/** How a key begins: nobody knows the rest. */
const begins = (key) => `${key.shown}…`;

/** The keys; null where they are another's to give out. */
async function keys() {
  try {
    return (await told("GET", "/account/keys")).data;
  } catch (problem) {
    if (problem.code === "keys_not_here") return null;
    throw problem;
  }
}

function listed(list, found, page) {
  if (!found) {
    nothing(list, "Keys of this account are given out by the app that it belongs to.");
    return [...list.childNodes];
  }
  const name = (key) => key.label || (key.mailed ? "from your mail" : "unnamed");
  const changes = (key) => !key.waiting && (!key.mailed || key.asking); // the mailed one is changed by itself alone
  const button = (key, text, act, kind = "") =>
    h("button", { type: "button", class: `quiet small ${kind}`, "aria-label": `${text}: ${name(key)}, ${begins(key)}`, on: { click: () => act(key, page) } }, text);
  const shownKeys = table({
    caption: "Keys",
    columns: [
      { title: "Name", cell: (key) => [h("span", { class: key.label ? null : "quietly" }, name(key)), key.asking && [" ", h("span", { class: "tag good" }, "in use here")], key.waiting && [" ", h("span", { class: "tag warn" }, "mailed, not used yet")]] },
      { title: "Key", cell: (key) => h("code", {}, begins(key)) },
      { title: "Created", cell: (key) => when(key.created) },
      { title: "Ends", cell: (key) => (key.ends ? h("span", { class: "tag warn" }, ago(key.ends)) : h("span", { class: "quietly" }, "never")) },
      { title: h("span", { class: "unseen" }, "Changes"), number: true, cell: (key) => h("span", { class: "row" }, changes(key) && !key.ends && button(key, "Rotate", rotate), changes(key) && button(key, "Revoke", revoke, "danger")) },
    ],
    rows: found,
  });
  shownKeys.classList.add("keys");
  return shownKeys;
}

async function createOne(page) {
  const key = await dialog({
    title: "Create a key",
    fields: [{ name: "label", label: "Name", maxlength: LABEL_MAX, autocomplete: "off", placeholder: "laptop", help: "What you will know it by. It may stay empty." }],
    submit: "Create",
    onsubmit: ({ label }) => told("POST", "/account/keys", { body: label ? { label } : {} }),
  });
  if (key) shownOnce(page, key, `your new key${key.label ? ` “${key.label}”` : ""}`);
}

async function rotate(old, page) {
  const key = await dialog({
    title: `Rotate ${old.label ? `“${old.label}”` : begins(old)}`,
    content: h("p", {}, "A new key of the same name takes its place."),
    fields: [{ name: "grace", label: "The old key works on", type: "select", options: GRACES }],
    submit: "Rotate",
    onsubmit: ({ grace }) => told("POST", `/account/keys/${encodeURIComponent(old.id)}/rotate`, { body: { grace_s: Number(grace) } }),
  });
  if (!key) return;
  if (old.asking) keep("key", key.key);
  shownOnce(page, key, `the key in place of ${begins(old)}${old.asking ? ", with which this page goes on" : ""}`);
}

async function revoke(old, page) {
  const done = await dialog({
    title: `Revoke ${old.label ? `“${old.label}”` : begins(old)}?`,
    content: h("p", {}, "It is dead in the very next request, and cannot be brought back.", old.asking && " This page uses it: you are signed out, and need another key to come back."),
    submit: "Revoke",
    danger: true,
    onsubmit: () => told("DELETE", `/account/keys/${encodeURIComponent(old.id)}`),
  });
  if (!done) return;
  toast("The key is revoked.");
  if (old.asking) await refresh().catch(() => null);
  else page.again();
}

function shownOnce(page, key, what) {
  put(page.made, secret(key.key, what));
  page.again();
  page.made.focus();
}
