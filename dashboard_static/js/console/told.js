// Webhooks to the owner's own server: what they are signed with, which wait, which were delivered, which failed.

import { h, put } from "../kit/dom.js";
import { count, when } from "../kit/show.js";
import { shown } from "../kit/states.js";
import { table } from "../kit/table.js";
import { action, card, col, fact, facts, forgetting, num, once, sealing, tag, wide, words } from "./lists.js";

const SECRET = "notices/secret";
const SECRET_BYTES = 32;

export function show(panel, project) {
  const list = h("div");
  put(panel, h("h2", {}, "Webhooks"), setting(panel, project), list);
  return shown(
    list,
    () => project.ask("GET", "/notices"),
    (told) => [
      part("Failed", told.failed, "Nothing failed.", [wide("Why", (one) => reason(one))]),
      part("Waiting", told.waiting, "Nothing waits.", [wide("Last try", (one) => reason(one))]),
      part("Delivered", told.told, "Nothing was delivered yet.", [col("Answer", (one) => reason(one))]),
    ],
  );
}

const reason = (one) => [one.status, words(one.reason)].filter(Boolean).join(", ") || "–";

const part = (title, rows, empty, more) =>
  card(
    h("h3", {}, title, " ", rows.length > 0 && tag(count(rows.length), title === "Failed" ? "bad" : "")),
    table({
      caption: title,
      columns: [col("When", (one) => when(one.at)), col("What", (one) => one.kind), num("Tries", (one) => count(one.tries)), ...more],
      rows,
      empty,
    }),
  );

function setting(panel, project) {
  const url = project.shown.document.notices?.url;
  if (!url) return h("div", { class: "nothing" }, h("p", {}, "Nobody is told. “Notices” in the settings says where to send purchases, refunds and credits that run low."), action("Open Settings", async () => project.open("settings"), { small: true }));
  const kept = project.shown.secrets.find((one) => one.name === SECRET);
  const again = async () => {
    await project.renew("told");
    await show(panel, project);
  };
  const make = action(
    kept ? "Make a new secret" : "Make a secret",
    async () => {
      const secret = made();
      await project.ask("PUT", "/notices/secret", { body: { secret } });
      await once("The webhook’s secret", secret, "the secret", h("p", {}, "Your server verifies with it what it is told."));
      await again();
    },
    { kind: kept ? "quiet" : "", small: true },
  );
  const about = { project, path: "/notices/secret", after: again };
  const give = sealing("Give one of yours", { ...about, title: "The webhook’s secret", label: "Secret", field: "secret", help: "whsec_ and 24 to 64 bytes in base64." });
  const drop = kept && forgetting("Forget it", { ...about, said: "Forgotten: nothing is sent any more." });
  return card(facts(fact("Sent to", h("code", {}, url)), fact("Secret", kept ? [h("code", {}, kept.shown), ", ", when(kept.created)] : tag("not yet: nothing is sent", "warn"))),
    h("div", { class: "actions" }, make, give, drop),
  );
}

/** A secret as https://www.standardwebhooks.com has them. */
function made() {
  const bytes = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  return `whsec_${btoa(String.fromCharCode(...bytes))}`;
}
