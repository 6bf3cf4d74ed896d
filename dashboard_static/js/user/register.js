// Registration: an address is sent, a key comes by mail. The answer is the same for an address that has an account.

import { ask } from "../kit/ask.js";
import { $, h, put } from "../kit/dom.js";
import { form } from "../kit/form.js";
import { keep } from "../kit/session.js";
import { during, words } from "../kit/states.js";
import { offer } from "./offer.js";

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

const asked = $("#register");
const email = $("#email");
const [problem, error] = [$("#problem"), $("#email-error")];

offer(({ credits, days }) => ($("#trial").textContent = days ? `${credits} tokens to try it, for ${days} days` : `${credits} tokens to begin with`));

asked.addEventListener("submit", async (event) => {
  event.preventDefault();
  problem.hidden = true;
  refuse("");
  if (!email.checkValidity()) return refuse(email.validationMessage);
  try {
    const answer = await during($("button", asked), () => ask("POST", "/register", { body: { email: email.value.trim() } }), { quietly: true });
    if (answer) sent(answer.email);
  } catch (said) {
    if (said.param === "email") refuse(said.message);
    else put(problem, words(said)).hidden = false;
  }
});

function refuse(text) {
  error.textContent = text;
  error.hidden = !text;
  if (!text) return email.removeAttribute("aria-invalid");
  email.setAttribute("aria-invalid", "true");
  email.focus();
}

/** What happens next. */
function sent(address) {
  document.title = "Look into your mailbox · Farebox";
  const title = h("h1", { tabindex: "-1" }, "Look into your mailbox");
  const enter = form({
    fields: [{ name: "key", label: "API key", type: "password", required: true, autocomplete: "off", placeholder: "sk-…", help: "It is kept for this tab, and sent to the API alone.", class: "key" }],
    submit: "View dashboard",
    onsubmit({ key }) {
      keep("key", key);
      location.assign("dashboard.html");
    },
  });
  put(
    $("#view"),
    title,
    h("p", { class: "lead" }, "A mail with an API key is on its way to ", h("strong", { class: "address" }, address), "."),
    LOOPBACK.includes(location.hostname) && h("p", { class: "note" }, "This gateway runs on your own machine: with ", h("code", { class: "nowrap" }, "make run"), ", its mails are in the ", h("a", { href: "outbox" }, "outbox"), "."),
    h(
      "ol",
      { class: "steps" },
      h("li", {}, "It comes within a minute or so. If it does not, look among the spam, or see whether the address is right."),
      h("li", {}, "If you had a key before, the new one replaces it. Your balance is kept."),
      h("li", {}, "Put the key where you keep such things: nobody can look it up again."),
    ),
    h("section", { class: "card", "aria-label": "With the key" }, enter),
    h("p", { class: "quietly" }, h("a", { href: "register.html" }, "Use another address")),
  );
  title.focus();
}
