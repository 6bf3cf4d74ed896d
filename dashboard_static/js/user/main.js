// A user's page: the key signs in, for this tab.

import { $, h, put } from "../kit/dom.js";
import { form } from "../kit/form.js";
import { fromFragment, keep, kept } from "../kit/session.js";
import { busy, failed, ready } from "../kit/states.js";
import { tabs } from "../kit/tabs.js";
import { account, enter, leave, onChange, onGone } from "./account.js";
import { show as showBalance } from "./balance.js";

const WRONG = "This key opens no account: it is mistyped, revoked, or replaced by a newer one.";
const PANELS = [
  ["use", "Use"],
  ["receipts", "Receipts"],
  ["buy", "Buy"],
  ["keys", "Keys"],
  ["try", "Try"],
  ["code", "Code"],
  ["data", "Your data"],
];

const [view, about, out] = [$("#view"), $("#about"), $("#leave")];
const balance = h("section", { "aria-label": "Balance" });

onChange(({ balance: now }) => showBalance(balance, now));
onGone(() => signIn("The key was refused: it has been revoked or replaced. Sign in with another."));
out.addEventListener("click", () => {
  leave();
  signIn();
  $("input", view).focus();
});
addEventListener("hashchange", () => location.hash.includes("key=") && arrive());
arrive();

/** Sign in with the key that the address brought, or the one of this tab. */
function arrive() {
  const brought = fromFragment().get("key");
  if (brought) keep("key", brought);
  if (account() && !brought) return;
  if (kept("key")) open();
  else signIn();
}

/** The form that asks for the key. */
function signIn(said = "") {
  out.hidden = true;
  put(about);
  const asked = form({
    fields: [{ name: "key", label: "API key", type: "password", required: true, autocomplete: "off", spellcheck: "false", class: "key", placeholder: "sk-…", help: "It is kept for this tab, and sent to the API alone." }],
    submit: "View dashboard",
    async onsubmit({ key }) {
      try {
        await enter(key);
      } catch (problem) {
        if (problem.status === 401) Object.assign(problem, { message: WRONG, param: "key" });
        throw problem;
      }
      page();
      $("#main").focus();
    },
  });
  put(
    view,
    h(
      "section",
      { class: "card sign-in" },
      h("h2", {}, "Sign in"),
      said && h("p", { class: "note bad", role: "alert" }, said),
      asked,
      h("p", { class: "quietly after" }, "No key yet, or lost? ", h("a", { href: "register.html" }, "Have one mailed.")),
    ),
  );
}

async function open() {
  busy(view, "Signing in…");
  try {
    await enter(kept("key"));
    page();
  } catch (problem) {
    if (problem.status !== 401) return failed(view, problem, open);
    leave();
    signIn(WRONG);
  }
}

/** The balance, and under it what there is to see and do, one tab each. */
function page() {
  out.hidden = false;
  const { email, user_id: number } = account();
  put(about, email && [h("span", { class: "address" }, email), " · "], h("span", { class: "nowrap" }, `user ${number}`));
  const within = {
    stale: (id) => shown.stale(id),
    go(id) {
      shown.open(id);
      $('[aria-selected="true"]', shown.element).focus();
    },
  };
  const fill = (id) => async (panel) => {
    busy(panel);
    try {
      const { show } = await import(`./${id}.js`);
      ready(panel);
      show(panel, within);
    } catch (problem) {
      failed(panel, problem, () => fill(id)(panel));
    }
  };
  const shown = tabs("dashboard", PANELS.map(([id, title]) => ({ id, title, show: fill(id) })), { label: "Dashboard" });
  ready(view, balance, shown.element);
}
