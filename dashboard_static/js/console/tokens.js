// Test tokens: an app is tried as a signed-in user before anybody can sign in.

import { h, put } from "../kit/dom.js";
import { when } from "../kit/show.js";
import { action, asking, card, col, listing, once, quiet, sure, tag, wide } from "./lists.js";

export function show(panel, project) {
  const { test_tokens: tokens, document } = project.shown;
  const on = document.mode === "managed" && document.auth?.test;
  const again = async () => {
    await project.renew("tokens");
    show(panel, project);
  };
  const make = action(
    "New test token",
    async () => {
      const made = await asking({
        title: "A new test token",
        fields: [
          { name: "label", label: "Label", maxlength: 100, autocomplete: "off" },
          { name: "days", label: "Days", value: "30", inputmode: "numeric", required: true, pattern: "[0-9]+", help: "365 at most." },
        ],
        submit: "Make it",
        onsubmit: ({ label, days }) => project.ask("POST", "/test-tokens", { body: { label, days: Number(days) } }),
      });
      if (!made) return;
      await once("The new test token", made.token, "the token", h("p", {}, "Send it as X-User-Token, with the project’s key."));
      await again();
    },
    { kind: "" },
  );
  const drop = (token) =>
    sure("Revoke", {
      title: "Revoke this test token?",
      about: "It is dead in the next request. Its account stays.",
      work: () => project.ask("DELETE", `/test-tokens/${encodeURIComponent(token.id)}`),
      said: "The token is revoked.",
      after: again,
      hint: token.label,
    });
  put(
    panel,
    card(
      h("div", { class: "bar" }, h("h2", {}, "Test tokens"), on && make),
      quiet(on ? "Each signs in a user of its own, with the rules of test tokens." : "This project takes none: they need managed mode and “By test tokens” in the settings."),
      listing("Test tokens", tokens, "There is none.", [
        wide("Label", (token) => token.label || "–"),
        col("User", (token) => action(String(token.user_id), async () => project.open("users", token.user_id), { kind: "link" })),
        col("Made", (token) => when(token.created)),
        col("Until", (token) => [when(token.expires), Date.parse(token.expires) < Date.now() ? [" ", tag("ended")] : ""]),
        col("Change", drop),
      ]),
    ),
  );
}
