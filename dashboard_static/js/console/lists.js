// What the sections of a project share: lists that go on, buttons that do one thing, dialogs that show something once.

import { fresh, h, put } from "../kit/dom.js";
import { secret } from "../kit/copy.js";
import { table } from "../kit/table.js";
import { busy, during, failed, ready, toast } from "../kit/states.js";

const TRIES = 20;

/**
 * A list that comes in pages: `load(after)` gives {data, next}, `show(rows)` a table with add(rows). A page may be empty
 * and have a next: then the next is asked for, some times, and then the reader is.
 */
export async function paged(element, { load, show, more = "Show more", text }) {
  const after = h("div", { class: "actions" });
  const read = async (from) => {
    for (let tried = 1; ; tried++) {
      const page = await load(from);
      if (page.data.length || !page.next || tried === TRIES) return page;
      from = page.next;
    }
  };
  let rows;
  const onwards = (next) => {
    put(after);
    if (!next) return;
    const button = action(more, async () => {
      const page = await read(next);
      rows.add(page.data);
      onwards(page.next);
    });
    put(after, button);
  };
  busy(element, text);
  try {
    const page = await read();
    rows = show(page.data);
    ready(element, rows, after);
    onwards(page.next);
  } catch (problem) {
    if (problem.name !== "AbortError") failed(element, problem, () => paged(element, { load, show, more, text }));
  }
}

/** A button that waits while what it does is done. `hint` is said to those who hear the page, after its text. */
export function action(text, done, { kind = "quiet", hint = "", small = false } = {}) {
  const button = h("button", { type: "button", class: `${kind}${small ? " small" : ""}` }, text, hint && h("span", { class: "unseen" }, ` ${hint}`));
  button.addEventListener("click", () => during(button, done));
  return button;
}

/** A dialog with a heading, content and a button that closes it. Resolves once it is closed. */
export function showing(title, ...content) {
  const id = fresh("showing");
  return new Promise((resolve) => {
    const close = h("button", { type: "button", on: { click: () => element.close() } }, "Done");
    const element = h("dialog", { "aria-labelledby": id, on: { close: () => (element.remove(), resolve()) } }, h("h2", { id }, title), content, h("div", { class: "actions" }, close));
    document.body.append(element);
    element.showModal();
  });
}

/** What is shown once: a key, a token. */
export const once = (title, text, label, ...more) => showing(title, secret(text, label), ...more);

/** A dialog with a form; in `fields` as of the kit's. Says `done` when it is through. Gives what `onsubmit` gave, or undefined. */
export async function asking(about, done = "") {
  const { dialog } = await import("../kit/form.js");
  const answer = await dialog(about);
  if (answer !== undefined && done) toast(done);
  return answer;
}

/** A button in front of what cannot be taken back: a dialog says what it does. Gives what it gave to `after`. */
export const sure = (text, { title, about, submit = text, work, said = "", after, ...how }) =>
  action(
    text,
    async () => {
      const done = await asking({ title, content: h("p", {}, about), submit, danger: true, onsubmit: work }, said);
      if (done) await after(done);
    },
    { kind: "quiet danger", small: true, ...how },
  );

/** A button whose dialog takes a secret, which is sealed at `path`. */
export const sealing = (text, { project, title, label, field, help = "", path, after, ...how }) =>
  action(
    text,
    async () => {
      const fields = [{ name: field, label, type: "password", required: true, autocomplete: "off", help }];
      if (await asking({ title, fields, submit: "Keep it sealed", onsubmit: (body) => project.ask("PUT", path, { body }) }, "It is sealed, and not shown again.")) await after();
    },
    { small: true, ...how },
  );

/** A button that makes the API forget what is kept at `path`. */
export const forgetting = (text, { project, path, after, said = "Forgotten.", ...how }) =>
  action(
    text,
    async () => {
      await project.ask("DELETE", path);
      toast(said);
      await after();
    },
    { kind: "quiet danger", small: true, ...how },
  );

export const listing = (caption, rows, empty, columns) => table({ caption, rows, empty, columns });
export const col = (title, cell) => ({ title, cell });
export const num = (title, cell) => ({ title, cell, number: true });
export const wide = (title, cell) => ({ title, cell, wide: true });

export const card = (...content) => h("section", { class: "card" }, content);
export const quiet = (...content) => h("p", { class: "quietly" }, content);
export const fact = (name, ...value) => [h("dt", {}, name), h("dd", {}, value)];
export const facts = (...pairs) => h("dl", { class: "facts" }, pairs);
export const tag = (text, kind = "") => h("span", { class: `tag ${kind}`.trim() }, text);
export const words = (name) => String(name ?? "").replaceAll("_", " ");
export const tile = (label, value, note = "") => h("div", { class: "card number" }, h("span", { class: "label" }, label), h("span", { class: "value" }, value), note && h("span", { class: "more" }, note));

/** A text as a file of the reader's. */
export function download(name, text, type = "application/json") {
  const link = h("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
