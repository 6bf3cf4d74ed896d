// What is served in each mode, as data: in managed mode templates, in forward mode a list.

import { area, checks, group, json, NEED, number, text, toggled } from "./fields.js";

const SAMPLED = "model temperature top_p top_k min_p presence_penalty frequency_penalty repeat_penalty seed stop logit_bias n max_tokens logprobs user";
/** By path: its name, what the client may set there, the field of its output limit, and the field of its instructions. */
const ENDPOINTS = {
  "/v1/chat/completions": ["Chat completions", `${SAMPLED} max_completion_tokens top_logprobs response_format reasoning_effort verbosity tools tool_choice parallel_tool_calls metadata`, "max_completion_tokens", "messages"],
  "/v1/responses": ["Responses", "model temperature top_p max_output_tokens reasoning text top_logprobs tools tool_choice parallel_tool_calls metadata user", "max_output_tokens", "instructions"],
  "/v1/messages": ["Messages, as Anthropic has them", "model temperature top_p top_k max_tokens stop_sequences thinking", "max_tokens", "system"],
  "/v1/completions": ["Completions of one text", `${SAMPLED} suffix`, "max_tokens", "prompt"],
  "/v1/embeddings": ["Embeddings", "model dimensions encoding_format user"],
  "/v1/moderations": ["Moderations", "model"],
};

export const endpoints = (doc) =>
  doc.mode === "forward"
    ? checks("Served", "None chosen: all of them.", Object.keys(ENDPOINTS))
    : group(Object.fromEntries(Object.entries(ENDPOINTS).map(([path, about]) => [path, endpoint(path, ...about)])));

const endpoint = (path, title, settable, limit, told) =>
  toggled(
    title,
    (doc) => ({ template: { model: doc.models?.find((one) => !/[*?]/.test(one.model))?.model ?? "" } }),
    {
      template: group({
        model: text("Model", "One that “Models” serves.", NEED),
        ...(limit && { [limit]: number("Most output tokens", limit) }),
        ...(told && { told: area("Instructions", "What the model is told before its user says anything.", { own: true, rows: 3, names: told, ...(told === "messages" ? firstMessage : named(told)) }) }),
        all: json("The whole template", "Any field of the request, as JSON.", { own: true }),
      }),
      client_sets: checks("What the client may set as well", "", settable.split(" ")),
    },
    path,
  );

const named = (field) => ({ get: (template) => template[field], set: (template, value) => ({ ...template, [field]: value }) });

const isTold = (template) => ["system", "developer"].includes(template.messages?.[0]?.role);
const firstMessage = {
  get: (template) => (isTold(template) ? template.messages[0].content : undefined),
  set(template, content) {
    const [first, rest] = isTold(template) ? [template.messages[0], template.messages.slice(1)] : [{ role: "system" }, template.messages ?? []];
    const messages = content === undefined ? rest : [{ ...first, content }, ...rest];
    return { ...template, messages: messages.length ? messages : undefined };
  },
};

const OF_A_MODE = { managed: ["endpoints", "images"], forward: ["endpoints", "fields"] };

/** Change the mode: what is for the other mode alone is put away, and comes back with it. */
export function otherMode(doc, mode, { aside }) {
  const names = OF_A_MODE[doc.mode] ?? [];
  aside.set(`mode:${doc.mode}`, { test: doc.auth?.test, ...Object.fromEntries(names.map((name) => [name, doc[name]])) });
  for (const name of names) delete doc[name];
  if (mode === "forward") delete doc.auth?.test;
  const { test, ...back } = aside.get(`mode:${mode}`) ?? {};
  Object.assign(doc, { mode }, Object.fromEntries(Object.entries(back).filter(([, value]) => value !== undefined)));
  if (test && doc.auth) doc.auth.test = test;
}
