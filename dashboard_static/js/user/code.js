// What to write elsewhere: the same question in four ways, with this gateway's address.

import { api } from "../kit/config.js";
import { code, copyable } from "../kit/copy.js";
import { h } from "../kit/dom.js";
import { ready, shown } from "../kit/states.js";
import { tabs } from "../kit/tabs.js";

const curl = (base) => `curl ${base}/chat/completions \\
  -H "Authorization: Bearer $FAREBOX_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{
    "model": "default",
    "messages": [{"role": "user", "content": "Hello!"}]
  }'
`;

const python = (base) => `import os

from openai import OpenAI

client = OpenAI(
    base_url="${base}",
    api_key=os.environ["FAREBOX_API_KEY"],
)
completion = client.chat.completions.create(
    model="default",
    messages=[{"role": "user", "content": "Hello!"}],
)
print(completion.choices[0].message.content)
`;

const node = (base) => `import OpenAI from "openai";

const client = new OpenAI({
  baseURL: "${base}",
  apiKey: process.env.FAREBOX_API_KEY,
});
const completion = await client.chat.completions.create({
  model: "default",
  messages: [{ role: "user", content: "Hello!" }],
});
console.log(completion.choices[0].message.content);
`;

const langchain = (base) => `import os

from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI

llm = ChatOpenAI(
    base_url="${base}",
    api_key=os.environ["FAREBOX_API_KEY"],
    model="default",
)
print(llm.invoke([HumanMessage(content="Hello!")]).content)
`;

const WAYS = [
  ["curl", "curl", "", curl],
  ["python", "Python", "pip install openai", python],
  ["node", "Node", "npm install openai", node],
  ["langchain", "LangChain", "pip install langchain-openai", langchain],
];

export function show(panel) {
  const body = h("div");
  ready(panel, h("h2", {}, "Code"), body);
  shown(body, api, (address) => {
    const base = `${address}/v1`;
    const ways = WAYS.map(([id, title, install, text]) => ({
      id,
      title,
      show: (place) => ready(place, install && h("p", { class: "quietly" }, "First: ", h("code", {}, install)), code(text(base), `the ${title} example`)),
    }));
    return [
      h("p", { class: "quietly" }, "Everything that speaks OpenAI’s API works with this address and your key:"),
      copyable(base, "the base URL"),
      h("p", { class: "quietly after" }, "The examples read the key from ", h("code", {}, "FAREBOX_API_KEY"), ". The gateway serves the model it has; the name that you send does not matter."),
      tabs("code", ways, { label: "Language" }).element,
    ];
  });
}
