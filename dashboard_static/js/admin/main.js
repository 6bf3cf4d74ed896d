// The operator's page: the admin key signs in, for this tab.

import { ask } from "../kit/ask.js";
import { $, h, put } from "../kit/dom.js";
import { form } from "../kit/form.js";
import { forget, fromFragment, keep, kept } from "../kit/session.js";
import { busy, failed } from "../kit/states.js";
import { tabs } from "../kit/tabs.js";

const view = $("#view");
const leave = $("#leave");

const brought = fromFragment().get("key");
if (brought) keep("admin", brought);
leave.addEventListener("click", () => {
  forget("admin");
  signIn();
});
if (kept("admin")) enter(kept("admin"));
else signIn();

/** The form that asks for the key. */
function signIn(said = "") {
  leave.hidden = true;
  const asked = form({
    fields: [{ name: "key", label: "Admin key", type: "password", required: true, autocomplete: "off", help: "ADMIN_KEY. It is kept for this tab, and sent to the API alone." }],
    submit: "Sign in",
    onsubmit: ({ key }) => enter(key, true),
  });
  put(view, h("section", { class: "card sign-in" }, h("h2", {}, "Sign in"), said && h("p", { class: "note bad", role: "alert" }, said), asked));
}

/** Try the key, and show the page. */
async function enter(key, byHand = false) {
  if (!byHand) busy(view, "Signing in…");
  try {
    await ask("GET", "/admin/status", { key });
  } catch (problem) {
    if (problem.status === 403) {
      forget("admin");
      signIn("The admin key is wrong, or this is not the operator's network.");
    } else if (byHand) {
      throw problem;
    } else {
      failed(view, problem, () => enter(key));
    }
    return;
  }
  keep("admin", key);
  leave.hidden = false;
  const of = (module) => async (panel) => {
    busy(panel);
    try {
      const { show } = await import(`./${module}.js`);
      show(panel, key);
    } catch (problem) {
      failed(panel, problem);
    }
  };
  const shown = tabs(
    "admin",
    [
      { id: "overview", title: "Overview", show: of("overview") },
      { id: "users", title: "Users", show: of("users") },
      { id: "orders", title: "Orders", show: of("orders") },
      { id: "projects", title: "Projects", show: of("projects") },
      { id: "changes", title: "Changes", show: of("changes") },
      { id: "status", title: "Status", show: of("status") },
    ],
    { label: "Admin" },
  );
  put(view, shown.element);
}
