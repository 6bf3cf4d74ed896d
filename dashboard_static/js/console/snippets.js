// Ready-made code that asks a project. The key is a placeholder, but for a publishable one that was made just now.

export const LANGUAGES = [["static", "Static page"], ["node", "Node"], ["python", "Python"], ["curl", "curl"]];

/** {text, note} of one language. */
export function snippet(language, project, base) {
  const { document } = project.shown;
  const forward = document.mode === "forward";
  const about = { base: `${base}/v1`, key: (!forward && project.freshKey) || (forward ? "ps-…" : "pk-…"), model: modelOf(document), token: needsToken(document) };
  const notes = {
    static: forward ? "Forward mode is for a back-end: its key must not stand in a page. Choose managed mode for a static page." : "Put this in place of the settings of examples/static_html/index.html. The key may be seen by everybody.",
    node: "With OpenAI’s package: npm install openai",
    python: "With OpenAI’s package: pip install openai",
    curl: "From a terminal.",
  };
  const [note, text] = [notes[language], { static: page, node, python, curl }[language](about)];
  return { text, note: about.token && language !== "static" ? `${note}. X-User-Token is your user’s token.`.replace("..", ".") : note };
}

const modelOf = (document) =>
  (Array.isArray(document.endpoints) ? null : document.endpoints?.["/v1/chat/completions"]?.template?.model) ?? document.models?.find((one) => !/[*?]/.test(one.model))?.model ?? "your-model";

const needsToken = (document) => !document.auth?.no_auth;
const json = (text) => JSON.stringify(text);

const page = ({ base, key }) => `<script type="application/json" id="settings">
{
  "base_url": ${json(base)},
  "key": ${json(key)}
}
</script>`;

const node = ({ base, key, model, token }) => `import OpenAI from "openai";

const client = new OpenAI({
  baseURL: ${json(base)},
  apiKey: ${json(key)},${token ? '\n  defaultHeaders: { "X-User-Token": token },' : ""}
});
const stream = await client.chat.completions.create({
  model: ${json(model)},
  messages: [{ role: "user", content: "Say hello." }],
  stream: true,
});
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? "");`;

const python = ({ base, key, model, token }) => `from openai import OpenAI

client = OpenAI(
    base_url=${json(base)},
    api_key=${json(key)},${token ? '\n    default_headers={"X-User-Token": token},' : ""}
)
stream = client.chat.completions.create(
    model=${json(model)},
    messages=[{"role": "user", "content": "Say hello."}],
    stream=True,
)
for chunk in stream:
    print(chunk.choices[0].delta.content or "" if chunk.choices else "", end="", flush=True)`;

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

const curl = ({ base, key, model, token }) => `curl ${quoted(`${base}/chat/completions`)} \\
  -H ${quoted(`Authorization: Bearer ${key}`)} \\${token ? "\n  -H \"X-User-Token: $TOKEN\" \\" : ""}
  -H 'Content-Type: application/json' \\
  -d ${quoted(JSON.stringify({ model, messages: [{ role: "user", content: "Say hello." }] }))}`;
