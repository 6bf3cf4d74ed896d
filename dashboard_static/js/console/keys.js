// Keys of the project, and the secrets that it keeps for others: providers' keys, issuers' secrets.

import { h, put } from "../kit/dom.js";
import { code } from "../kit/copy.js";
import { when } from "../kit/show.js";
import { api } from "../kit/config.js";
import { action, asking, card, col, forgetting, listing, once, quiet, sealing, sure, tag, wide } from "./lists.js";

const KIND = { managed: "publishable", forward: "secret" };
const ABOUT = { publishable: "Publishable: it may stand in a page or an app.", secret: "Secret: for a back-end alone." };

export function show(panel, project) {
  put(panel, own(panel, project), providers(panel, project), issuers(panel, project));
}

const again = async (panel, project) => {
  await project.renew("keys");
  show(panel, project);
};
const encoded = encodeURIComponent;

function own(panel, project) {
  const { keys, document } = project.shown;
  const kind = KIND[document.mode];
  const shownOnce = async (made) => {
    if (made.kind === "publishable") project.freshKey = made.key;
    const { snippet } = await import("./snippets.js");
    const text = made.kind === "publishable" && snippet("static", { ...project, freshKey: made.key }, (await api()) || location.origin).text;
    await once("The new key", made.key, "the key", text && [h("p", {}, "For the example’s static page, in place of its settings:"), code(text, "the snippet")]);
    await again(panel, project);
  };
  const make = action(
    "New key",
    async () => {
      const made = await asking({
        title: `A new ${kind} key`,
        content: h("p", {}, ABOUT[kind]),
        fields: [{ name: "label", label: "Label", maxlength: 100, help: "So that you know it again: where it is used.", autocomplete: "off" }],
        submit: "Make it",
        onsubmit: ({ label }) => project.ask("POST", "/keys", { body: { kind, label } }),
      });
      if (made) await shownOnce(made);
    },
    { kind: "" },
  );
  const rotate = (key) =>
    sure("Rotate", {
      title: "Rotate this key?",
      about: `${key.shown}… ends within seconds, and another one of the same label begins. For a change without a gap make a new key first, and revoke this one later.`,
      work: () => project.ask("POST", `/keys/${encoded(key.id)}/rotate`, { body: {} }),
      after: shownOnce,
      kind: "quiet",
      hint: `${key.shown} ${key.label}`,
    });
  const revoke = (key) =>
    sure("Revoke", {
      title: "Revoke this key?",
      about: `${key.shown}… ${key.label && `(${key.label}) `}is refused within seconds, for good.`,
      work: () => project.ask("DELETE", `/keys/${encoded(key.id)}`),
      said: "The key is revoked.",
      after: () => again(panel, project),
      hint: `${key.shown} ${key.label}`,
    });
  return card(
    h("div", { class: "bar" }, h("h2", {}, "Keys of your app"), make),
    listing("Keys of the app", keys, "There is no key yet: nobody can ask anything.", [
      col("Key", (key) => h("code", {}, `${key.shown}…`)),
      wide("Label", (key) => key.label || "–"),
      col("Kind", (key) => tag(key.kind, KIND[document.mode] === key.kind ? "" : "warn")),
      col("Made", (key) => when(key.created)),
      col("Change", (key) => h("div", { class: "row" }, rotate(key), revoke(key))),
    ]),
  );
}

/** A row for each secret that the document has a place for: what is kept there, and a dialog that takes another one. */
function secrets(panel, project, title, text, rows) {
  const kept = new Map(project.shown.secrets.map((one) => [one.name, one]));
  const after = () => again(panel, project);
  const give = (row) => sealing(kept.has(row.kept) ? "Replace" : "Give", { project, title: `${row.what} of ${row.name}`, label: row.what, field: row.field, help: row.about, path: row.path, after, hint: `${row.what} of ${row.name}` });
  const drop = (row) => forgetting("Forget", { project, path: row.path, after, hint: `${row.what} of ${row.name}` });
  return card(
    h("h2", {}, title),
    quiet(text),
    listing(title, rows, "The document names none yet.", [
      col("Name", (row) => row.name),
      wide("Of", (row) => row.of),
      col("Given", (row) => (row.granted !== undefined ? tag(row.granted ? "granted" : "not granted yet", row.granted ? "good" : "warn") : kept.has(row.kept) ? [h("code", {}, kept.get(row.kept).shown), ", ", when(kept.get(row.kept).created)] : tag("not yet", "warn"))),
      col("Change", (row) => (row.granted !== undefined ? "" : h("div", { class: "row" }, give(row), kept.has(row.kept) && drop(row)))),
    ]),
  );
}

function providers(panel, project) {
  const { document, needs_grant: missing } = project.shown;
  const rows = Object.entries(document.providers ?? {}).map(([name, about]) => ({
    name,
    of: about.operator ? `the operator: ${about.operator}` : about.preset ?? about.base_url,
    granted: about.operator ? !missing.includes(about.operator) : undefined,
    kept: name,
    what: "Key",
    field: "api_key",
    about: "Your own key there. It is sealed for this provider’s address: where that changes, it is given again.",
    path: `/providers/${encoded(name)}/key`,
  }));
  return secrets(panel, project, "Keys of providers", "What providers are asked with. They are sealed, and no part of the document.", rows);
}

function issuers(panel, project) {
  const rows = (project.shown.document.auth?.jwt?.issuers ?? []).flatMap((one, number) =>
    one.shared_secret
      ? { name: one.project, of: `issuer ${number + 1}`, kept: `issuer/${one.project}`, what: "Shared secret", field: "secret", about: "The JWT secret that its tokens are signed with.", path: `/issuers/${number}/secret` }
      : [],
  );
  return rows.length ? secrets(panel, project, "Secrets of issuers", "Shared with who signs your users in.", rows) : null;
}
