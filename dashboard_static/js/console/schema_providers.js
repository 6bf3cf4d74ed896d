// Who answers, as data.

import { choice, folded, NEED, number, text } from "./fields.js";

const PRESETS = [["openai", "OpenAI"], ["openrouter", "OpenRouter"], ["huggingface", "Hugging Face"], ["groq", "Groq"], ["anthropic", "Anthropic"]];
const USUAL = [undefined, "as usual"];
const seconds = (label, usual, help = "") => number(label, help, { placeholder: usual });

const TUNED = {
  output_tokens: number("Most output tokens", "What a request without a limit is held for.", { placeholder: "16384" }),
  limit_name: choice("It calls the limit", "", [USUAL, ...["max_tokens", "max_completion_tokens"].map((name) => [name, name])]),
  client_left: choice("When a client leaves", "", [USUAL, ["stop", "stop, and charge what came"], ["drain", "read to the end"]]),
  connect_s: seconds("Seconds to connect", "5"),
  first_byte_s: seconds("Seconds until it begins", "120"),
  idle_s: seconds("Seconds of silence", "120"),
  cooldown_s: seconds("Seconds last in line", "30", "After it failed."),
};
const tuned = (old) => Object.fromEntries(Object.entries(old).filter(([name]) => name in TUNED));
const tuning = folded("Times and limits", (value) => Object.entries(tuned(value)).map(([name, one]) => `${name} ${one}`).join(", ") || "as usual", TUNED, { own: true });
const ofPresets = (make) => Object.fromEntries(PRESETS.map(([preset]) => [preset, make(preset)]));

export const providers = {
  kind: "map",
  one: "provider",
  naming: "Name",
  help: "Yours to choose: small letters, digits, - and _.",
  add: "Add a provider",
  empty: "Nobody answers yet.",
  make(doc) {
    const taken = Object.keys(doc.providers ?? {});
    return [["openai", ...taken.map((_, index) => `openai-${index + 2}`)].find((name) => !taken.includes(name)), { preset: "openai" }];
  },
  /** Who named it by its old name names it by the new one. */
  renamed(doc, from, to) {
    const named = [...(doc.models ?? []).flatMap((model) => model.providers ?? []), doc.abuse?.moderation];
    for (const one of named) if (one?.provider === from) one.provider = to;
  },
  item: {
    kind: "variants",
    label: "Who",
    names: "preset",
    options: [...PRESETS, ["other", "Another, by its address"], ["operator", "One of the operator’s"]],
    of: (value) => ("operator" in value ? "operator" : "preset" in value ? value.preset : "other"),
    helps: { operator: "The operator grants it to the project; until then requests are refused." },
    make: {
      ...ofPresets((preset) => (old) => ({ preset, ...tuned(old) })),
      other: (old) => ({ kind: "openai", base_url: "https://", ...tuned(old) }),
      operator: () => ({ operator: "llama" }),
    },
    fields: {
      ...ofPresets(() => ({ tuning })),
      other: {
        base_url: text("Address", "With its version, such as https://llm.example/v1", NEED),
        kind: choice("It speaks", "", [["openai", "OpenAI’s API"], ["anthropic", "Anthropic’s API"], ["llama", "llama-server’s API"]]),
        tuning,
      },
      operator: { operator: text("The operator’s name for it", "", NEED) },
    },
  },
};

/** A provider of the document, and a model there. */
export const target = (label, help = "") => ({
  provider: choice("Provider", "", (doc) => Object.keys(doc.providers ?? {}).map((name) => [name, name])),
  model: text(label, help),
});
