// How users may be known, as data: docs/sign_in.md.

import { checks, empty, group, lines, list, NEED, text, toggled, yes } from "./fields.js";
import { rules } from "./schema_rules.js";

export const METHODS = { no_auth: "without sign-in", test: "test tokens", key: "keys", jwt: "ID tokens" };

export const method = (label, help, more = {}, make = empty) => toggled(label, make, { ...more, rules: group(rules) }, help);

export const tests = toggled(
  "By test tokens",
  empty,
  { rules: toggled("Rules of their own", empty, rules, "Without them: those of ID tokens.") },
  "Made under “Test tokens”: to try an app before anybody can sign in.",
);

const first = () => ({ preset: "firebase", project: "" });

const issuer = {
  kind: "variants",
  label: "Kind",
  names: "preset",
  options: [["firebase", "Firebase"], ["supabase", "Supabase"], ["auth0", "Auth0"], ["other", "Another, by its address"]],
  of: (value) => value.preset ?? "other",
  make: {
    firebase: first,
    supabase: () => ({ preset: "supabase", project: "" }),
    auth0: () => ({ preset: "auth0", domain: "", audience: "" }),
    other: () => ({ issuer: "https://", audience: [] }),
  },
  fields: {
    firebase: { project: text("Project", "The id of the Firebase project, such as my-app.", NEED) },
    supabase: {
      project: text("Reference of the project", "abcdefgh of abcdefgh.supabase.co", NEED),
      shared_secret: yes("Signed with the project’s shared secret", "The legacy JWT secret; it is given under “Keys”."),
    },
    auth0: { domain: text("Domain", "Such as my-app.eu.auth0.com", NEED), audience: text("Client id", "Of the application.", NEED) },
    other: {
      issuer: text("Issuer", "Exactly what tokens carry as iss.", NEED),
      audience: lines("Audience", "One of these, one a line, stands in aud.", { rows: 2 }),
      jwks_url: text("Address of its keys", "Left empty: its discovery document tells."),
      algorithms: checks("Algorithms", "None chosen: all three.", ["RS256", "ES256", "EdDSA"]),
    },
  },
};

export const jwt = method(
  "By ID tokens",
  "Of Firebase, Supabase, Auth0 or any other issuer: a user is who the token says.",
  { issuers: list("issuer", "Add an issuer", first, issuer, { label: "Issuers", ordered: false, title: (value) => value.project || value.domain || value.issuer, ...NEED }) },
  () => ({ issuers: [first()] }),
);
