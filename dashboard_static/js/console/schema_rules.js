// The rules of one way to be known, as data: docs/rules.md.

import { count, price } from "../kit/show.js";
import { credits, folded, group, list, NEED, number, text } from "./fields.js";

const PERIODS = ["minute", "hour", "day", "week", "month"];

const said = (limits = {}) =>
  Object.entries(limits)
    .filter(([, most]) => most !== null)
    .map(([period, most]) => `${count(most)} ${period === "total" ? "in all" : `a ${period}`}`)
    .join(", ");

/** A field for each pack of the document, and for what stands there and is none. */
function purchases(doc, value) {
  const packs = Object.fromEntries((doc.packs ?? []).map((one) => [one.id, one]));
  const names = [...new Set([...Object.keys(packs), ...Object.keys(value ?? {})])];
  if (!names.length) return { none: { kind: "note", text: "What a pack brings is said here, once there are packs under “Packs and payments”." } };
  return Object.fromEntries(names.map((name) => [name, credits(`Credits of ${name}`, packs[name] ? `${costs(packs[name])}Left empty: not sold to these users.` : "There is no such pack.")]));
}

function costs({ amount, currency }) {
  try {
    return `Costs ${price(amount, currency)}. `;
  } catch {
    return "";
  }
}

const prices = list(
  "price",
  "Add a price",
  () => ({ model: "*", input: 1_000_000, output: 1_000_000 }),
  group({
    model: text("Model", "A name or a pattern.", NEED),
    per_request: credits("Credits a request", "", { placeholder: "0" }),
    input: number("Per 1M input tokens", "", NEED),
    output: number("Per 1M output tokens", "", NEED),
    cached: number("Per 1M cached tokens", "", { placeholder: "as input" }),
    reasoning: number("Per 1M reasoning tokens", "", { placeholder: "as output" }),
    from: text("From", "Left empty: always.", { placeholder: "2027-01-01" }),
  }),
  { empty: "Requests cost nothing.", title: (value) => value.model },
);

const windows = {
  kind: "matrix",
  own: true,
  label: "Requests",
  help: "Empty is no limit; 0 lets nobody in.",
  columns: [...PERIODS.map((name) => [name, name === "hour" ? "an hour" : `a ${name}`]), ["total", "in all"]],
  rows: [["user", "One user", [...PERIODS, "total"]], ["method", "All who come in this way", PERIODS], ["project", "Everybody", PERIODS]],
};

export const rules = {
  credits: folded("Credits", (value) => (value?.signup ? `${count(Number(value.signup))} at sign-up` : "none at sign-up"), {
    signup: credits("Given at sign-up", "", { placeholder: "0" }),
    signup_days: number("Gone after, in days", "0: never.", { placeholder: "0" }),
    purchases: group(purchases),
  }),
  costs: folded("Prices", (value) => value?.prices?.map((one) => one.model).join(", ") || "requests cost nothing", { prices }, {
    own: true,
    help: "The first that matches a model counts. A model without one is refused, unless there are none at all: then requests are free.",
  }),
  limits: folded("Limits", (value) => said(value?.user) || (value ? "some" : "none"), {
    windows,
    open_requests: number("Running at once, of a user", "", { placeholder: "16" }),
    input_tokens: number("Most input tokens", "", { placeholder: "no limit" }),
    output_tokens: number("Most output tokens", "", { placeholder: "no limit" }),
    shards: number("Shards", "For more than 1,000 requests a second.", { placeholder: "1" }),
  }),
};
