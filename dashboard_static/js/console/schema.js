// The fields of a project's document, as data: docs/projects.md. engine.js draws forms of it, and knows no field by name.

import { price } from "../kit/show.js";
import { choice, group, lines, list, NEED, number, text, toggled, yes } from "./fields.js";
import { endpoints, otherMode } from "./schema_modes.js";
import { providers, target } from "./schema_providers.js";
import { jwt, method, METHODS, tests } from "./schema_users.js";

const WINDOWS = ["minute", "hour", "day", "week", "month"].map((name) => [name, name]);
const BLOCKS = [[undefined, "a day, as usual"], [3600, "an hour"], [86400, "a day"], [604800, "a week"], [2592000, "30 days"], [null, "until you unblock"]];

const firstProvider = (doc) => Object.keys(doc.providers ?? {})[0] ?? "";
const several = (number, one) => (number ? `${number} ${one}${number === 1 ? "" : "s"}` : `no ${one}s`);

export const sections = [
  {
    id: "basics",
    title: "Basics",
    digest: (doc) => `${doc.name}, ${doc.mode}`,
    fields: (doc) => ({
      name: text("Name", "", { ...NEED, wide: true }),
      mode: choice(
        "Mode",
        "Managed: requests are built of your template, and the key may stand in a page. Forward: requests go on as they came, from your back-end.",
        [["managed", "Managed: for pages and apps"], ["forward", "Forward: for a back-end"]],
        { wide: true, redraws: true, chosen: otherMode },
      ),
      origins: lines("Pages that may call", "Origins, one a line. None: every page may. Apps and servers send none.", { rows: 3, placeholder: "https://app.example" }),
      ...(doc.mode === "forward"
        ? { fields: lines("Fields let through", "Fields of requests that go on though nothing bounds what they cost, one a line; * is every one.", { rows: 3, placeholder: "store" }) }
        : { images: yes("Messages may hold images", "As their own data, never as an address.") }),
    }),
  },
  {
    id: "auth",
    title: "Who may use it, and for what",
    help: "Each way to be known has rules of its own: what users get, what requests cost, how many there may be. One at least is on.",
    digest: (doc) => Object.keys(doc.auth ?? {}).map((name) => METHODS[name] ?? name).join(", "),
    fields: {
      auth: group((doc) => ({
        no_auth: method("Without sign-in", "Everybody who has the key is let in. Users are told apart by their address."),
        ...(doc.mode === "forward" ? {} : { test: tests }),
        key: method("By a key of yours", "Keys sk-… that you make for users, under “Users”."),
        jwt,
      })),
    },
  },
  {
    id: "providers",
    title: "Providers",
    help: "Who answers. Their keys are no part of the document: give them under “Keys”.",
    digest: (doc) => Object.keys(doc.providers ?? {}).join(", ") || "none yet",
    fields: { providers },
  },
  {
    id: "models",
    title: "Models",
    help: "Which providers answer for which model. The first entry that matches counts; its providers are tried in their order.",
    digest: (doc) => (doc.models ?? []).map((one) => one.model).join(", ") || "none yet",
    fields: {
      models: list(
        "model",
        "Add a model",
        (doc) => ({ model: "", providers: [{ provider: firstProvider(doc) }] }),
        group({
          model: text("Model", "A name, or a pattern: * is any text, ? one character.", NEED),
          providers: list("provider", "Add a fallback", (doc) => ({ provider: Object.keys(doc.providers ?? {}).at(-1) ?? "" }), group(target("Its name there", "Left empty: the same.")), {
            label: "Asked in this order",
            title: (value, index) => `${index ? "Then" : "First"} ${value.provider}`,
            ...NEED,
          }),
        }),
        { empty: "No model is served yet.", title: (value) => value.model && `${value.model} → ${value.providers.map((one) => one.provider).join(", then ")}` },
      ),
    },
  },
  {
    id: "endpoints",
    title: "Endpoints",
    help: "What is served, and what is made of a request to it.",
    digest: (doc) => (doc.mode === "forward" && !doc.endpoints ? "all" : (Array.isArray(doc.endpoints) ? doc.endpoints : Object.keys(doc.endpoints ?? {})).join(", ") || "none yet"),
    fields: (doc) => ({ endpoints: endpoints(doc) }),
  },
  {
    id: "abuse",
    title: "Abuse",
    digest: (doc) => (doc.abuse ? `blocked after ${several(doc.abuse.threshold, "offence")} in a ${doc.abuse.window ?? "day"}` : "nobody is blocked"),
    fields: {
      abuse: toggled("Block users whose requests are refused for what is in them", () => ({ threshold: 3, window: "day", block_s: 86400 }), {
        threshold: number("Blocked requests", "So many in one window block the user.", NEED),
        window: choice("In a", "", [[undefined, "day, as usual"], ...WINDOWS]),
        block_s: choice("Blocked for", "", BLOCKS),
        patterns: lines("Texts that are not forwarded", "One a line; * is any text in the same message. No difference is made of case.", { rows: 4, placeholder: "make * bomb" }),
        moderation: toggled("Ask a moderation model about each input", (doc) => ({ provider: firstProvider(doc), model: "omni-moderation-latest" }), target("Model")),
      }),
    },
  },
  {
    id: "selling",
    title: "Packs and payments",
    help: "What users can buy, and with whom they pay. What a pack brings stands with the rules of each way to be known.",
    digest: (doc) => `${several(doc.packs?.length, "pack")}; ${Object.keys(doc.payments ?? {}).join(", ") || "nobody can pay"}`,
    fields: {
      packs: list(
        "pack",
        "Add a pack",
        (doc) => ({ id: `pack-${(doc.packs?.length ?? 0) + 1}`, amount: 500, currency: doc.packs?.at(-1)?.currency ?? "usd" }),
        group({
          id: text("Id", "Small letters, digits, - and _.", NEED),
          amount: number("Price", "In the smallest unit: 500 is 5.00.", NEED),
          currency: text("Currency", "Such as usd or eur.", NEED),
        }),
        { label: "Packs", empty: "Nothing is for sale.", title: (value) => `${value.id}: ${price(value.amount, value.currency)}` },
      ),
      payments: group(
        {
          stripe: connection("Stripe"),
          polar: connection("Polar", { product: text("Product", "The UUID of the product that every checkout sells.", NEED) }),
          mollie: connection("Mollie"),
          btcpay: connection("BTCPay Server", { url: text("Address", "https://pay.example", NEED), store: text("Store", "The id of the store.", NEED) }),
        },
        { label: "Payments", help: "Keys and webhook secrets are given under “Payments”." },
      ),
    },
  },
  {
    id: "notices",
    title: "Notices",
    digest: (doc) => doc.notices?.url ?? "nowhere",
    fields: {
      notices: toggled("Tell a server of purchases, refunds and credits that run low", () => ({ url: "https://" }), {
        url: text("Webhook", "An https address. What it is signed with is given under “Webhooks”.", { ...NEED, wide: true }),
      }),
    },
  },
];

function connection(label, more = {}) {
  const blank = Object.fromEntries(Object.keys(more).map((name) => [name, name === "url" ? "https://" : ""]));
  return toggled(label, () => ({ mode: "test", ...blank }), { mode: choice("Mode", "", [["test", "Test: no money is moved"], ["live", "Live"]]), ...more });
}
