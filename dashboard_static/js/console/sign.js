// Signing in: an address is sent a link, and the link's token is exchanged for a session.

import { ask } from "../kit/ask.js";
import { $, h, put } from "../kit/dom.js";
import { form } from "../kit/form.js";
import { during, words } from "../kit/states.js";

export function show(view, { said, token, entered }) {
  if (token) return exchange(view, token, entered);
  const asked = form({
    fields: [{ name: "email", label: "E-mail address", type: "email", required: true, autocomplete: "email", maxlength: 254 }],
    submit: "Mail me a link",
    async onsubmit({ email }) {
      await ask("POST", "/console/sign-in", { body: { email } });
      sent(view, email, () => show(view, { said: "", token: "", entered }));
    },
  });
  put(
    view,
    h("p", { class: "lead" }, "Your apps’ AI, with users, credits and limits: each app is a project, and here is where you keep them."),
    h("section", { class: "card sign-in" }, h("h2", {}, "Sign in"), said && h("p", { class: "note", role: "status" }, said), h("p", { class: "quietly" }, "There is no password: a link is mailed to you. A new address is a new owner."), asked),
  );
}

function sent(view, email, again) {
  const heading = h("h2", { tabindex: "-1" }, "Look into your mailbox");
  put(
    view,
    h(
      "section",
      { class: "card sign-in" },
      heading,
      h("p", { role: "status" }, "If ", h("strong", {}, email), " may sign in here, a link is on its way to it. It works once, for 30 minutes."),
      h("div", { class: "actions" }, h("button", { type: "button", class: "quiet", on: { click: again } }, "Use another address")),
    ),
  );
  heading.focus();
}

function exchange(view, token, entered) {
  const problem = h("p", { class: "note bad", role: "alert", hidden: true });
  const button = h("button", { type: "button" }, "Sign in");
  button.addEventListener("click", () =>
    during(
      button,
      async () => {
        problem.hidden = true;
        try {
          entered((await ask("POST", "/console/sessions", { body: { token } })).session);
        } catch (error) {
          put(problem, words(error)).hidden = false;
          put($(".again", view), h("button", { type: "button", class: "quiet", on: { click: () => show(view, { said: "", token: "", entered }) } }, "Mail me another link"));
        }
      },
      { quietly: true },
    ),
  );
  put(view, h("section", { class: "card sign-in" }, h("h2", {}, "One more step"), h("p", {}, "Press the button to sign in to this browser tab. The link works once."), problem, h("div", { class: "actions" }, button, h("span", { class: "again" }))));
}
