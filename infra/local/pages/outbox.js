// The mails that went out on this machine: their keys and links, to click or to copy.

import { copyable } from "../js/kit/copy.js";
import { $, h } from "../js/kit/dom.js";
import { ago } from "../js/kit/show.js";
import { busy, failed, nothing, ready } from "../js/kit/states.js";

const EVERY_MS = 2000;
const place = $("#mails");
let seen = null;

look(busy(place));

/** Look now, and again in a while; a page that nobody sees does not ask. */
async function look() {
  if (!document.hidden) await read();
  setTimeout(look, EVERY_MS);
}

async function read() {
  try {
    const answer = await fetch("outbox/mails.json", { cache: "no-store", credentials: "omit" });
    if (!answer.ok) throw new Error(`The outbox cannot be read: the answer was ${answer.status}.`);
    show((await answer.json()).mails);
  } catch (problem) {
    seen = null;
    failed(place, problem instanceof TypeError ? new Error("The gateway does not answer. Is it running?") : problem);
  }
}

/** Only what is new is made: what is there keeps its place, its focus, and what was opened. */
function show(mails) {
  if (!mails.length) {
    if (seen?.size !== 0) nothing(place, "No mail yet.", h("p", {}, h("a", { href: "register.html" }, "Create an account"), ", and its key comes here."));
    seen = new Set();
    return;
  }
  const first = !seen;
  const before = seen ?? new Set();
  const fresh = mails.filter((mail) => !before.has(name(mail)));
  if (!before.size) ready(place);
  place.prepend(...fresh.map(element));
  if (fresh.length && !first) $("#news").textContent = fresh.length === 1 ? `A mail came: ${fresh[0].subject}` : `${fresh.length} mails came.`;
  seen = new Set(mails.map(name));
}

const name = (mail) => JSON.stringify([mail.at, mail.to, mail.subject, mail.key, mail.link]);

function element({ at, to, subject, text, key, link }) {
  const page = link && URL.canParse(link) && ["http:", "https:"].includes(new URL(link).protocol);
  return h(
    "article",
    { class: "card mail" },
    h("header", {}, h("h2", {}, subject || "No subject"), h("span", { class: "quietly" }, ago(at))),
    h("p", { class: "quietly address" }, "To ", to),
    key && copyable(key, `the key of ${to}`),
    (key || page) &&
      h(
        "div",
        { class: "actions" },
        key && h("a", { class: "button quiet", href: `dashboard.html#key=${encodeURIComponent(key)}` }, "Open the dashboard"),
        page && h("a", { class: "button quiet", href: link }, "Follow the link"),
      ),
    h("details", {}, h("summary", {}, "The whole mail"), h("pre", {}, text)),
  );
}
